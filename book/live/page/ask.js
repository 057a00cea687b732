// Ask: a picture on one side, captions on the other; cosines, temperature and probabilities move at once.
import { CLASSES, Tokenizer, caption, draw } from "../data.js";
import { rng } from "../random.js";
import { fromRGBA } from "../pictures.js";
import { argmax, classifier, similarities, softmax } from "../zero_shot.js";
import { captionTable } from "./captions.js";
import { button, choice, html, labelled, paint, percent, slider, speaker, thumbnail } from "./dom.js";
import { layersView } from "./layers.js";
import { pad } from "./pad.js";
import { emojiBar, fileInput } from "./sources.js";

const SHIPPED = ["shipped", "the book's own model"];

/** Put the part into `place`; `session` holds the models. */
export function ask(place, session) {
  const tokenizer = new Tokenizer();
  const { line, say } = speaker();
  let pixels = null; // (3, 32, 32), the picture that is asked about
  let embedded = null; // (C, D), of the captions, by the model in use
  let random = 1;

  const seen = thumbnail(new Uint8Array(3072), "The picture as the model sees it, 32 by 32");
  const truth = html("span", {});
  const view = layersView();
  const list = captionTable(tokenizer, () => {
    embedded = null;
    answer();
  });

  const show = (picture, name) => {
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
    const generator = rng(random++, "test pictures");
    const [color, shape] = CLASSES[generator.integer(CLASSES.length)];
    show(draw(color, shape, generator), `drawn by the book's rules as ${caption(color, shape)}`);
  };

  const temperature = slider({
    min: 0, max: Math.log(100), step: 0.01, value: 0,
    show: (log) => `× ${Math.exp(log).toFixed(1)}`,
    oninput: () => answer(),
  });
  const scale = () => Math.exp(Number(temperature.querySelector("input").value));

  const answer = () => {
    const captions = list.captions();
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
    const best = argmax(chances);
    list.show(cosines, chances, best);
    say(`The model says: ${captions[best]}, ${percent(chances[best])} (cosine ${cosines[best].toFixed(2)}).`);
    view.follow(model, pixels, captions, embedded, best);
  };

  const which = choice([SHIPPED], (value) => session.choose(value));
  session.onchange(() => {
    const options = session.trained ? [SHIPPED, ["trained", `trained here: ${session.trained.says}`]] : [SHIPPED];
    which.replaceChildren(...options.map(([value, text]) => new Option(text, value, false, value === session.chosen)));
    embedded = null;
    temperature.move(Math.log(session.model().logitScale)); // where training left it; that answers, too
  });

  const files = fileInput(show, list.complain);
  place.addEventListener("dragover", (event) => event.preventDefault());
  place.addEventListener("drop", (event) => {
    event.preventDefault();
    files.read(event.dataTransfer.files[0]);
  });
  const seenAs = html("figcaption", {}, "what the model sees: ", truth);
  const pictures = html(
    "div", { class: "live-side" },
    drawn.element,
    html("div", { class: "live-tools" }, button("a test picture", testPicture), files.element),
    emojiBar(session.assets.emoji, show),
    html("figure", { class: "live-seen" }, seen, seenAs),
  );
  const controls = [list.element, labelled("1 / temperature", temperature), labelled("model", which)];
  const answers = html("div", { class: "live-side" }, line, ...controls);
  place.append(html("div", { class: "live-columns" }, pictures, answers), view.element);
  list.useAll();
  session.changed();
  testPicture();
  return {
    /** Show a picture to the model that was trained here, with a caption for it in the list. */
    ask(picture, text) {
      if (!list.captions().includes(text)) list.useAll();
      session.choose("trained");
      show(picture, `drawn by the book's rules as ${text}`);
    },
  };
}
