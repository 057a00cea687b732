// Changes that lead through the book's findings: what to change, what to bet on, and which chapter explains it.
import { CLASSES, TRAINING } from "../data.js";
import { DEFAULTS, mean } from "./experiment.js";

const every = (counts) => CLASSES.map(([color, shape]) => counts(color, shape));
const ofShape = (shape) => (result) => mean(result.byClass.filter((_, c) => CLASSES[c][1] === shape));
const ofClass = (color, shape) => (result) => result.byClass[CLASSES.findIndex(([k, s]) => k === color && s === shape)];
const everything = (result) => result.accuracy;
const onTheWay = (result) => result.pace;

/**
 * Each: `change` to DEFAULTS, `bet` before, `look` = the share that is compared with and without it, `asked` = what it
 * is a share of, and where it is explained.
 */
export const PRESETS = [
  {
    name: "none",
    claim: null,
    text: "nothing changed",
    change: {},
    bet:
      "Sixteen captions, 2,720 pictures, one look at each. After how many of the 85 updates are nine of " +
      "ten new pictures named right?",
    asked: "all pictures named right",
    look: everything,
    chapter: "zero_shot",
    title: "Zero-shot",
  },
  {
    name: "leave-out",
    claim: "S11",
    text: "leave the red triangle out",
    change: { counts: every((color, shape) => (color === "red" && shape === "triangle" ? 0 : TRAINING)) },
    bet: "No picture of a red triangle, no caption that says so. Of ten new red triangles, how many will it name?",
    asked: "red triangles named right",
    look: ofClass("red", "triangle"),
    chapter: "zero_shot",
    title: "Zero-shot",
  },
  {
    name: "starve",
    claim: null,
    text: "starve the red triangle",
    change: { counts: every((color, shape) => (color === "red" && shape === "triangle" ? 2 : TRAINING)) },
    bet: "Two pictures of it where every other class has 170. A law of frequency says that it must suffer. How much?",
    asked: "red triangles named right",
    look: ofClass("red", "triangle"),
    chapter: "composition",
    title: "Never seen together",
  },
  {
    name: "starve-word",
    claim: "F1",
    text: "starve the word cross",
    change: { counts: every((_, shape) => (shape === "cross" ? 1 : TRAINING)) },
    bet:
      "Now the word itself is rare: one cross of each colour, four pictures in 2,044. Does it fare better " +
      "than the red triangle?",
    asked: "crosses named right",
    look: ofShape("cross"),
    chapter: "lots",
    title: "The lot decides",
  },
  {
    name: "permute",
    claim: "S15",
    text: "permute the captions",
    change: { captions: "permuted" },
    bet:
      "Every class gets another class's caption, always the same one. Asked in this code, how often is the " +
      "model right? (The curve counts the true captions, so it stays near 0.)",
    asked: "pictures named right in the code that was taught",
    look: (result) => result.ownCode,
    control: everything,
    chapter: "zero_shot",
    title: "Zero-shot",
  },
  {
    name: "identical",
    claim: "S10",
    text: "give every picture the same caption",
    change: { captions: "identical" },
    bet: "All say “a red circle”. One in sixteen is right by luck. How many are?",
    asked: "all pictures named right",
    look: everything,
    chapter: "zero_shot",
    title: "Zero-shot",
  },
  {
    name: "lot",
    claim: null,
    text: "deal the captions out by lot",
    change: { captions: "lot" },
    bet: "The same pictures and the same sentences, but who belongs to whom is chance. What is left to learn?",
    asked: "all pictures named right",
    look: everything,
    chapter: "zero_shot",
    title: "Zero-shot",
  },
  {
    name: "large-batch",
    claim: "S12",
    text: "a batch of 128",
    change: { batchSize: 128 },
    bet:
      "127 wrong captions to be told apart from instead of 31. CLIP itself took 32,767. The same pictures " +
      "make 21 updates then. Better or worse?",
    asked: "all pictures named right",
    look: everything,
    chapter: "batch",
    title: "The batch",
  },
  {
    name: "small-batch",
    claim: null,
    text: "a batch of 8",
    change: { batchSize: 8 },
    bet:
      "Seven wrong captions instead of 31 to be told apart from, but four times as many updates on the " +
      "same pictures. Better or worse?",
    asked: "all pictures named right",
    look: everything,
    chapter: "batch",
    title: "The batch",
  },
  {
    name: "one-direction",
    claim: "S13",
    text: "only the pictures ask",
    change: { directions: "images" },
    bet: "Each picture looks for its caption, and no caption for its picture. Is half the loss half as good?",
    asked: "all pictures named right, averaged over the training",
    look: onTheWay,
    chapter: "batch",
    title: "The batch",
  },
  {
    name: "scale-one",
    claim: "S14",
    text: "fix the temperature at 1",
    change: { scale: "1" },
    bet: "Cosines between -1 and 1 go into the softmax as they are. Can it be sure of anything?",
    asked: "all pictures named right, averaged over the training",
    look: onTheWay,
    chapter: "batch",
    title: "The batch",
  },
];

/** The settings of a preset. */
export const settingsOf = ({ change }) => ({ ...DEFAULTS, ...change, counts: [...(change.counts ?? DEFAULTS.counts)] });
