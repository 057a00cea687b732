// What can go wrong: each error is one sentence that says what was wrong, what was expected and what to do.

/** Something handed to the model cannot be used. */
export class InputError extends Error {
  constructor(message) {
    super(message);
    this.name = new.target.name;
  }
}

/** A caption is empty, too long, or holds a word the tokenizer was not built with. */
export class CaptionError extends InputError {}

/** The training loss became NaN or infinite; the weights are worthless from that step on. */
export class LossNotFiniteError extends InputError {}

/** A text in quotation marks, as Python shows it: messages read the same here and in the package. */
export function quoted(text) {
  const mark = text.includes("'") && !text.includes('"') ? '"' : "'";
  const escapes = { "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", [mark]: `\\${mark}` };
  return mark + [...text].map((character) => escapes[character] ?? character).join("") + mark;
}
