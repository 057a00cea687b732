// A table of the sixteen classes: colours in rows, shapes in columns.
import { COLORS, SHAPES } from "../data.js";
import { html } from "./dom.js";

/** `cell(c)` gives the table's cell (`td`) for class c. */
export function classTable(says, look, cell) {
  const heads = SHAPES.map((shape) => html("th", { scope: "col" }, shape));
  const rows = COLORS.map((color, row) => {
    const cells = SHAPES.map((_, column) => cell(row * SHAPES.length + column));
    return html("tr", {}, html("th", { scope: "row" }, color), ...cells);
  });
  const top = html("thead", {}, html("tr", {}, html("td"), ...heads));
  return html("table", { class: look }, html("caption", {}, says), top, html("tbody", {}, ...rows));
}
