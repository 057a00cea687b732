// One training with the reader's settings, from fresh weights to what the model then knows. It runs in a worker.
import { CAPTIONS, CLASSES, TRAINING, Tokenizer, world } from "../data.js";
import { ToyCLIP } from "../encoders.js";
import { epochFloor } from "../infonce.js";
import { rng } from "../random.js";
import { LIVE } from "../recipes.js";
import { fit } from "../train.js";
import { accuracy, argmax, classifier, similarities } from "../zero_shot.js";

const WATCHED = 6; // of the held-out pictures of a class, how many are looked at on the way

/** What a training starts from unless the reader changes it. */
export const DEFAULTS = {
  seed: 0,
  batchSize: LIVE.batchSize,
  rate: 1, // times the recipe's learning rates
  scale: "learned", // or a number: 1 / temperature, held fixed
  directions: "both", // or "images", "texts": who asks
  captions: "true", // or "lot", "permuted", "identical"
  counts: CLASSES.map(() => TRAINING), // pictures of each class
};

export const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;

/** The class whose caption stands under each picture, (N,), from the class that it shows. */
function captionsOf(classes, settings) {
  if (settings.captions === "true") return classes;
  if (settings.captions === "identical") return classes.map(() => 0);
  const generator = rng(settings.seed, "captions");
  if (settings.captions === "lot") {
    const order = generator.permutation(classes.length);
    return classes.map((_, i) => classes[order[i]]);
  }
  const code = permuted(settings.seed);
  return classes.map((c) => code[c]);
}

/** A fixed other caption for each class, (16,), none its own: the order of a circle through all classes. */
function permuted(seed) {
  const order = rng(seed, "code").permutation(CLASSES.length),
    code = new Int32Array(CLASSES.length);
  order.forEach((c, i) => {
    code[c] = order[(i + 1) % order.length];
  });
  return code;
}

/** Token ids of the caption of each pair, (N, L). */
function tokensOf(captions, tokenizer) {
  const length = tokenizer.contextLength,
    all = tokenizer.encode(CAPTIONS); // (16, L)
  const tokens = new Int32Array(captions.length * length);
  captions.forEach((c, i) => tokens.set(all.subarray(c * length, (c + 1) * length), i * length));
  return tokens;
}

/** Which captions win for pictures of each class, as shares: (16, 16), row = class shown, column = caption chosen. */
function confusion(model, heldOut, tokenizer) {
  const count = heldOut.classes.length,
    size = CLASSES.length;
  const cosines = similarities(model, heldOut.pixels, count, classifier(model, CAPTIONS, tokenizer), size); // (N, 16)
  const shares = new Float32Array(size * size),
    perClass = count / size;
  for (let i = 0; i < count; i++) {
    const chosen = argmax(cosines.subarray(i * size, (i + 1) * size));
    shares[heldOut.classes[i] * size + chosen] += 1 / perClass;
  }
  return shares;
}

/** A training as a generator: what `fit` yields, with floor and model, after each update; at last its result. */
export function* training(products, settings) {
  const tokenizer = new Tokenizer();
  const { training: pairs, heldOut } = world(settings.seed, settings.counts);
  const captions = captionsOf(pairs.classes, settings);
  const counts = CLASSES.map((_, c) => captions.filter((k) => k === c).length).filter((n) => n > 0);
  const floor = epochFloor(counts, settings.batchSize);
  const recipe = {
    ...LIVE,
    batchSize: settings.batchSize,
    lr: LIVE.lr * settings.rate,
    muonLr: LIVE.muonLr * settings.rate,
  };
  const model = new ToyCLIP(products, settings.seed);
  const fixedScale = settings.scale === "learned" ? null : Number(settings.scale);
  const updates = Math.round((CLASSES.length * TRAINING) / settings.batchSize); // as many as with all pictures
  const progress = fit(model, pairs, tokensOf(captions, tokenizer), recipe, settings.seed, {
    directions: settings.directions,
    fixedScale,
    updates,
  });
  const few = watched(heldOut),
    quarters = [];
  for (const update of progress) {
    if (update.step === Math.round(((quarters.length + 1) * update.steps) / 4))
      quarters.push(accuracy(model, few, tokenizer));
    yield { ...update, floor, model, few, tokenizer };
  }
  const shares = confusion(model, heldOut, tokenizer),
    code = permuted(settings.seed);
  const diagonal = (map) => CLASSES.map((_, c) => shares[c * CLASSES.length + map(c)]);
  return {
    settings,
    floor,
    model,
    kernel: products.name,
    byClass: diagonal((c) => c), // share of each class's held-out pictures that is named right, (16,)
    accuracy: mean(diagonal((c) => c)),
    pace: mean(quarters), // accuracy on the way: after one, two, three and four quarters of the updates, averaged
    ownCode: mean(diagonal((c) => code[c])), // when asked with the captions that it was taught, in "permuted"
  };
}

/** A few held-out pictures of each class: WATCHED x 16. */
function watched({ pixels, classes }) {
  const perClass = classes.length / CLASSES.length,
    count = CLASSES.length * WATCHED;
  const few = { pixels: new Uint8Array(count * 3072), classes: new Int32Array(count) };
  for (let i = 0; i < count; i++) {
    const from = Math.floor(i / WATCHED) * perClass + (i % WATCHED);
    few.pixels.set(pixels.subarray(from * 3072, (from + 1) * 3072), i * 3072);
    few.classes[i] = classes[from];
  }
  return few;
}

/** What the page draws of a model on its way: cosines between classes and captions, and a map of the space. */
export function snapshot({ model, few, tokenizer }, axes) {
  const size = CLASSES.length,
    D = 64,
    count = few.classes.length;
  const pictures = model.embedImages(few.pixels, count); // (96, D)
  const words = classifier(model, CAPTIONS, tokenizer); // (16, D)
  const matrix = new Float32Array(size * size);
  let right = 0;
  for (let i = 0; i < count; i++) {
    const own = few.classes[i],
      cosines = new Float32Array(size);
    for (let c = 0; c < size; c++) {
      for (let d = 0; d < D; d++) cosines[c] += pictures[i * D + d] * words[c * D + d];
      matrix[own * size + c] += cosines[c] / WATCHED;
    }
    if (argmax(cosines) === own) right += 1;
  }
  return { matrix, accuracy: right / count, ...flatten(pictures, words, axes, D) };
}

/** Two axes along which the pictures differ most, turned little since the last time, and the points on them. */
function flatten(pictures, words, axes, D) {
  const N = pictures.length / D,
    mean = new Float32Array(D);
  for (let i = 0; i < pictures.length; i++) mean[i % D] += pictures[i] / N;
  const project = (rows, v) => {
    // (R, D) -> (R,)
    const out = new Float32Array(rows.length / D);
    for (let i = 0; i < rows.length; i++) out[(i / D) | 0] += (rows[i] - mean[i % D]) * v[i % D];
    return out;
  };
  const dot = (a, b) => a.reduce((sum, value, d) => sum + value * b[d], 0);
  const found = [];
  for (const start of axes) {
    // a few steps of the power method from the last axes
    let v = start;
    for (let round = 0; round < 8; round++) {
      const along = project(pictures, v),
        next = new Float32Array(D);
      for (let i = 0; i < pictures.length; i++) next[i % D] += (pictures[i] - mean[i % D]) * along[(i / D) | 0];
      for (const other of found) {
        const share = dot(next, other);
        for (let d = 0; d < D; d++) next[d] -= share * other[d];
      }
      const length = Math.sqrt(dot(next, next)) || 1;
      v = next.map((value) => value / length);
    }
    found.push(v);
  }
  const points = (rows) => found.map((v) => project(rows, v)); // x (R,), y (R,)
  return { axes: found, pictures: points(pictures), words: points(words) };
}

/** Two directions to begin with. */
export function firstAxes() {
  const generator = rng(0, "axes");
  return [0, 1].map(() => Float32Array.from({ length: 64 }, () => generator.normal()));
}
