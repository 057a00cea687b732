// Ask: a picture on one side, captions on the other; cosines, temperature and probabilities move at once.
import { CAPTIONS, CLASSES, COLORS, SHAPES, Tokenizer, caption, draw } from "../data.js";
import { CaptionError } from "../errors.js";
import { rng } from "../random.js";
import { fromRGBA } from "../pictures.js";
import { classifier, similarities, softmax } from "../zero_shot.js";
import { button, choice, html, labelled, paint, percent, set, slider, speaker, thumbnail } from "./dom.js";
import { layersView } from "./layers.js";
import { pad } from "./pad.js";
import { emojiBar, fileInput } from "./sources.js";

const LISTS = {
  "all sixteen": CAPTIONS,
  "colours alone": COLORS,
  "shapes alone": SHAPES,
  "my own": [],
};

/** Put the part into `place`; `session` holds the models. */
export function ask(place, session) {
  const tokenizer = new Tokenizer(), { line, say } = speaker();
  let pixels = null, captions = [...CAPTIONS], embedded = null, random = 1;

  const seen = thumbnail(new Uint8Array(3072), "The picture as the model sees it, 32 by 32");
  const truth = html("span", {});
  const rows = html("tbody", {});
  const problem = html("p", { class: "live-problem", role: "alert" });
  const view = layersView();

  const show = (picture, name = "") => {
    pixels = picture;
    paint(seen, pixels);
    truth.textContent = name;
    answer();
  };
  const drawn = pad(() => {
    const { data, width, height } = drawn.picture();
    show(fromRGBA(data, width, height), "your drawing");
  });
  const testPicture = () => {
    const generator = rng(random++, "test pictures"), [color, shape] = CLASSES[generator.integer(CLASSES.length)];
    show(draw(color, shape, generator), `drawn by the book's rules as ${caption(color, shape)}`);
  };

  const temperature = slider({
    min: 0, max: Math.log(100), step: 0.01, value: 0,
    show: (log) => `× ${Math.exp(log).toFixed(1)}`,
    oninput: () => answer(),
  });
  const scale = () => Math.exp(Number(temperature.querySelector("input").value));

  const write = () => { // a row for each caption
    rows.replaceChildren(...captions.map((text, i) => html("tr", {},
      html("th", { scope: "row" }, text),
      html("td", { class: "live-cosine" }), html("td", { class: "live-probability" }, html("span"), html("b")),
      html("td", {}, button("×", () => {
        captions.splice(i, 1);
        lists.value = "my own";
        write();
        (rows.children[Math.min(i, captions.length - 1)]?.querySelector("button") ?? field).focus();
      }, { "aria-label": `remove ${text}` })))));
    embedded = null;
    answer();
  };
  const add = (text) => {
    const words = text.trim().toLowerCase().split(/\s+/).join(" ");
    try {
      tokenizer.encode([words]);
    } catch (error) {
      if (!(error instanceof CaptionError)) throw error;
      problem.textContent = error.message;
      return false;
    }
    problem.textContent = "";
    if (captions.includes(words)) {
      problem.textContent = `“${words}” is in the list.`;
      return true;
    }
    captions.push(words);
    lists.value = "my own";
    write();
    return true;
  };

  const answer = () => {
    if (!pixels) return;
    if (!captions.length) {
      say("There is no caption to choose: write one below.", true);
      view.clear();
      return;
    }
    const model = session.model();
    embedded ??= classifier(model, captions, tokenizer); // (C, D)
    const cosines = similarities(model, pixels, 1, embedded, captions.length); // (C,)
    const chances = softmax(cosines, scale()); // (C,)
    const best = chances.indexOf(Math.max(...chances));
    [...rows.children].forEach((row, i) => {
      row.classList.toggle("live-best", i === best);
      row.children[1].textContent = cosines[i].toFixed(2);
      const [bar, number] = row.children[2].children;
      bar.style.width = `calc((100% - 4em) * ${chances[i].toFixed(3)})`;
      number.textContent = percent(chances[i]);
    });
    say(`The model says: ${captions[best]}, ${percent(chances[best])} (cosine ${cosines[best].toFixed(2)}).`);
    view.follow(model, pixels, [...captions], embedded, best);
  };

  const files = fileInput((picture, name) => show(picture, name), (text) => { problem.textContent = text; });
  const field = html("input", { type: "text", size: 18, autocomplete: "off", placeholder: "yellow" });
  const form = html("form", {
    class: "live-add",
    onsubmit: (event) => {
      event.preventDefault();
      if (add(field.value)) field.value = "";
    },
  }, labelled("ask with words of your own", field), html("button", { type: "submit" }, "add"));

  const which = choice([["shipped", "the book's own model"]], (value) => session.choose(value));
  session.onchange(() => {
    const options = [["shipped", "the book's own model"]];
    if (session.trained) options.push(["trained", `trained here: ${session.trained.says}`]);
    which.replaceChildren(...options.map(([value, text]) => new Option(text, value, false, value === session.chosen)));
    embedded = null;
    temperature.move(Math.log(session.model().logitScale));
    set(temperature.querySelector("input"), { title: "the scale that this model learned is where the slider starts" });
    answer();
  });

  const lists = choice(Object.keys(LISTS).map((name) => [name, name]), (name) => {
    captions = [...LISTS[name]];
    write();
  });

  place.addEventListener("dragover", (event) => event.preventDefault());
  place.addEventListener("drop", (event) => {
    event.preventDefault();
    files.read(event.dataTransfer.files[0]);
  });
  place.append(html("div", { class: "live-columns" },
    html("div", { class: "live-side" },
      drawn.element,
      html("div", { class: "live-tools" }, button("a test picture", testPicture),
        files.element),
      emojiBar(session.assets.emoji, (picture, name) => show(picture, name)),
      html("figure", { class: "live-seen" }, seen, html("figcaption", {}, "what the model sees: ", truth))),
    html("div", { class: "live-side" },
      line,
      html("table", { class: "live-captions" },
        html("caption", {}, "Captions, how near each is to the picture, and how the model shares its certainty among them"),
        html("thead", {}, html("tr", {}, ...["caption", "cosine", "probability"].map((t) => html("th", { scope: "col" }, t)),
          html("th", { scope: "col" }, html("span", { class: "live-hidden" }, "remove")))), rows),
      form, problem,
      labelled("list of captions", lists),
      labelled("1 / temperature", temperature),
      labelled("model", which))),
  view.element);
  write();
  session.changed();
  testPicture();
  return {
    /** Show a picture to the model that was trained here, with a caption for it in the list. */
    ask(picture, text) {
      if (!captions.includes(text)) {
        captions = [...CAPTIONS];
        lists.value = "all sixteen";
        write();
      }
      session.choose("trained");
      show(picture, `drawn by the book's rules as ${text}`);
    },
  };
}
