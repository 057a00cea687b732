// Which known word a mistyped one resembles (chapter 1).

const LIKE_ENOUGH = 0.6;

/** The longest stretch that two texts share, the first of several: where it begins in each, and its length. */
function longestShared(a, b) {
  const best = { inA: 0, inB: 0, length: 0 };
  for (let i = 0; i < a.length; i++) {
    for (let j = 0; j < b.length; j++) {
      let length = 0;
      while (i + length < a.length && a[i + length] === b[j + length]) length++;
      if (length > best.length) Object.assign(best, { inA: i, inB: j, length });
    }
  }
  return best;
}

/** How many characters two texts share in the same order: the longest stretch, then what is left and right of it. */
function shared(a, b) {
  const { inA, inB, length } = longestShared(a, b);
  if (length === 0) return 0;
  const left = shared(a.slice(0, inA), b.slice(0, inB));
  return left + length + shared(a.slice(inA + length), b.slice(inB + length));
}

/**
 * The known word that is most like another one, or null if none is: the measure of Ratcliff and Metzener 1988, by which
 * Python's difflib, and so the package, goes; of two that are equally like it, the later one in the alphabet.
 *
 * @param {string} word
 * @param {string[]} known
 * @returns {?string}
 */
export function closestWord(word, known) {
  let best = null;
  let most = LIKE_ENOUGH;
  for (const candidate of [...known].sort()) {
    const likeness = (2 * shared([...candidate], [...word])) / ([...candidate].length + [...word].length);
    if (likeness >= most) [best, most] = [candidate, likeness];
  }
  return best;
}
