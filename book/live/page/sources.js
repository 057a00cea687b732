// Where a picture can come from besides the pad: emoji, a file, the clipboard.
import { fromRGBA } from "../pictures.js";
import { html } from "./dom.js";

const LARGEST = 2048; // px; a larger picture is shrunk first, as in pictures.py

/** A decoded image as RGBA bytes with its size; far larger ones are shrunk by the browser. */
function bytes(image) {
  const [wide, high] = [image.naturalWidth ?? image.width, image.naturalHeight ?? image.height]; // not as it is shown
  const shrink = Math.min(1, LARGEST / Math.max(wide, high));
  const width = Math.max(1, Math.round(wide * shrink)),
    height = Math.max(1, Math.round(high * shrink));
  const canvas = html("canvas", { width, height }),
    context = canvas.getContext("2d");
  context.drawImage(image, 0, 0, width, height);
  return context.getImageData(0, 0, width, height);
}

/** Buttons with emoji; `onpick` gets (pixels, name). */
export function emojiBar(emoji, onpick) {
  const pick = (image, name) => {
    const { data, width, height } = bytes(image);
    onpick(fromRGBA(data, width, height), `the emoji ${name}, by OpenMoji`);
  };
  return html(
    "div",
    { class: "live-emoji", role: "group", "aria-label": "Emoji to ask about" },
    ...emoji.map(({ name, webp }) => {
      const image = html("img", { src: `data:image/webp;base64,${webp}`, alt: name, width: 28, height: 28 });
      return html("button", { type: "button", title: name, onclick: () => pick(image, name) }, image);
    }),
  );
}

/**
 * A field for a file, and `read` for one that is dropped; pasted ones are taken, too. `onpick` gets (pixels, name),
 * `onproblem` a sentence.
 */
export function fileInput(onpick, onproblem) {
  const read = async (file) => {
    if (!file) return;
    try {
      const image = await createImageBitmap(file);
      const { data, width, height } = bytes(image);
      onproblem("");
      onpick(fromRGBA(data, width, height), file.name || "a pasted picture");
    } catch {
      onproblem(`The browser cannot read ${file.name || "this"} as a picture; choose a PNG or a JPEG.`);
    }
  };
  const input = html("input", { type: "file", accept: "image/*", onchange: () => read(input.files[0]) });
  const label = html(
    "label",
    { class: "live-file" },
    html("span", {}, "a picture of your own: choose, drop or paste it"),
    input,
  );
  document.addEventListener("paste", (event) => {
    const file = [...event.clipboardData.files].find((f) => f.type.startsWith("image/"));
    if (file) read(file);
  });
  return { element: label, read };
}
