// The captions of the part that asks: their table, lists to choose from, and a field for words of one's own.
import { CAPTIONS, COLORS, SHAPES } from "../data.js";
import { CaptionError } from "../errors.js";
import { button, choice, html, labelled, percent } from "./dom.js";

const LISTS = { "all sixteen": CAPTIONS, "colours alone": COLORS, "shapes alone": SHAPES, "my own": [] };
const OWN = "my own"; // what a list is called once a reader has changed it
const SAYS = "Captions, how near each is to the picture, and how the model shares its certainty among them";

/** The table and its controls; `onchange` is called when the list is another one. */
export function captionTable(tokenizer, onchange) {
  let captions = [];
  const rows = html("tbody", {});
  const problem = html("p", { class: "live-problem", role: "alert" });
  const field = html("input", { type: "text", size: 18, autocomplete: "off", placeholder: "yellow" });

  const use = (list, name) => {
    captions = [...list];
    lists.value = name;
    rows.replaceChildren(...captions.map(row));
    onchange();
  };
  const row = (text, i) => {
    const drop = () => {
      use(captions.filter((_, k) => k !== i), OWN);
      (rows.children[Math.min(i, captions.length - 1)]?.querySelector("button") ?? field).focus();
    };
    const bar = html("td", { class: "live-probability" }, html("span"), html("b"));
    const remove = html("td", {}, button("×", drop, { "aria-label": `remove ${text}` }));
    return html("tr", {}, html("th", { scope: "row" }, text), html("td"), bar, remove);
  };
  const add = (text) => {
    const words = text.trim().toLowerCase().split(/\s+/).join(" ");
    problem.textContent = "";
    try {
      tokenizer.encode([words]);
    } catch (error) {
      if (!(error instanceof CaptionError)) throw error;
      problem.textContent = error.message;
      return;
    }
    field.value = "";
    if (captions.includes(words)) problem.textContent = `“${words}” is in the list.`;
    else use([...captions, words], OWN);
  };

  const lists = choice(Object.keys(LISTS).map((name) => [name, name]), (name) => use(LISTS[name], name));
  const heads = ["caption", "cosine", "probability"].map((text) => html("th", { scope: "col" }, text));
  const last = html("th", { scope: "col" }, html("span", { class: "live-hidden" }, "remove"));
  const table = html("table", { class: "live-captions" }, html("caption", {}, SAYS));
  table.append(html("thead", {}, html("tr", {}, ...heads, last)), rows);
  const submit = (event) => {
    event.preventDefault();
    add(field.value);
  };
  const own = labelled("ask with words of your own", field);
  const form = html("form", { class: "live-add", onsubmit: submit }, own, html("button", { type: "submit" }, "add"));
  return {
    element: html("div", {}, table, form, problem, labelled("list of captions", lists)),
    captions: () => [...captions],
    complain: (text) => { problem.textContent = text; },
    useAll: () => use(CAPTIONS, "all sixteen"),
    /** Write the cosine and the probability of each caption, (C,) each, and mark the best. */
    show(cosines, chances, best) {
      [...rows.children].forEach((element, i) => {
        element.classList.toggle("live-best", i === best);
        element.children[1].textContent = cosines[i].toFixed(2);
        const [bar, number] = element.children[2].children;
        bar.style.width = `calc((100% - 4em) * ${chances[i].toFixed(3)})`;
        number.textContent = percent(chances[i]);
      });
    },
  };
}
