// Small helpers for what the reader sees: elements, controls with labels, drawings, words read aloud.

const SVG = "http://www.w3.org/2000/svg";

/** An element with attributes (`class`, `aria-label`, ...), listeners (`onclick`, ...) and children. */
export function html(tag, attributes = {}, ...children) {
  return furnish(document.createElement(tag), attributes, children);
}

/** The same for a part of a drawing. */
export function svg(tag, attributes = {}, ...children) {
  return furnish(document.createElementNS(SVG, tag), attributes, children);
}

function furnish(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/** Set attributes of an element that is there. */
export function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
}

/** A drawing `width` by `height` units, as wide as its place; `says` is what a screen reader says of it. */
export function drawing(width, height, says, ...children) {
  return svg(
    "svg",
    { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": says, class: "live-drawing" },
    ...children,
  );
}

export function button(text, onclick, attributes = {}) {
  return html("button", { type: "button", onclick, ...attributes }, text);
}

let labels = 0;

/** A control under its label; a slider's label is that of its input. */
export function labelled(text, control) {
  const field = control.querySelector?.("input") ?? control;
  field.id ||= `live-control-${++labels}`;
  return html("div", { class: "live-field" }, html("label", { for: field.id }, text), control);
}

/** A choice among [value, text] pairs; `onchange` gets the value. */
export function choice(options, onchange, chosen = options[0][0]) {
  const select = html("select", { onchange: () => onchange(select.value) });
  for (const [value, text] of options) select.add(new Option(text, value, false, String(value) === String(chosen)));
  return select;
}

/** A slider with its value beside it, as `show` writes it; `oninput` gets the number. */
export function slider({ min, max, step, value, show, oninput }) {
  const output = html("output", {}, show(value));
  const input = html("input", { type: "range", min, max, step, value, "aria-valuetext": show(value) });
  const update = () => {
    output.textContent = show(Number(input.value));
    input.setAttribute("aria-valuetext", output.textContent);
    oninput(Number(input.value));
  };
  input.addEventListener("input", update);
  const box = html("span", { class: "live-slider" }, input, output);
  box.move = (number) => {
    input.value = number;
    update();
  };
  return box;
}

/** A line that shows at once what it is told, and reads it aloud at most every `pause` milliseconds. */
export function speaker(pause = 1500) {
  const seen = html("p", { class: "live-status", "aria-hidden": "true" });
  const heard = html("p", { class: "live-hidden", role: "status", "aria-live": "polite" });
  const line = html("div", {}, seen, heard);
  let last = 0,
    next = null;
  const say = (text, now = false) => {
    seen.textContent = text;
    clearTimeout(next);
    const wait = last + pause - performance.now();
    if (now || wait <= 0) {
      last = performance.now();
      if (heard.textContent !== text) heard.textContent = text;
    } else next = setTimeout(() => say(text, true), wait);
  };
  return { line, say };
}

/** A picture of the world, 32 x 32, as a canvas that its style enlarges. */
export function thumbnail(pixels, says) {
  const canvas = html("canvas", { width: 32, height: 32, class: "live-pixels", role: "img", "aria-label": says });
  paint(canvas, pixels);
  return canvas;
}

/** Put (3, 32, 32) bytes onto a canvas of that size. */
export function paint(canvas, pixels) {
  const context = canvas.getContext("2d"),
    image = context.createImageData(32, 32);
  for (let place = 0; place < 1024; place++) {
    for (let channel = 0; channel < 3; channel++) image.data[4 * place + channel] = pixels[1024 * channel + place];
    image.data[4 * place + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}

export const percent = (share) => `${(100 * share).toFixed(0)} %`;
export const nats = (value) => value.toFixed(2);

/** From -1 to 1 -> a colour from orange to blue, at most so many per cent of it on the theme's `ground`. */
export function mixed(value, most, ground) {
  const share = (most * Math.min(1, Math.abs(value))).toFixed(0);
  return `color-mix(in srgb, ${value < 0 ? "#d55e00" : "#0072b2"} ${share}%, var(--pst-color-${ground}))`;
}
