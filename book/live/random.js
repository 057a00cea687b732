// Independent streams of random numbers from one seed: what is drawn of one thing says nothing about another.

const WARM_UP = 12; // numbers thrown away, until a seed's bits are spread over the whole state

/** 32 bits in which every bit of the input has a say (the finaliser of MurmurHash3, Appleby 2011). */
function mixed(bits) {
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return bits ^ (bits >>> 16);
}

/** A generator of 32 random bits, 0 to 2 ** 32 - 1, with a period of 2 ** 64 or more (sfc32, Doty-Humphrey 2013). */
function sfc32(a, b, c, counter) {
  return () => {
    const bits = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + bits) | 0;
    return bits >>> 0;
  };
}

/**
 * Random numbers for one thing under a seed: by its name, and by its number if there are several of it.
 *
 * @param {number} seed
 * @param {...(string|number)} what
 * @returns {{uniform: function(number=, number=): number, normal: function(number=, number=): number,
 *   fillNormal: function(Float32Array): Float32Array, integer: function(number): number,
 *   permutation: function(number): Int32Array}} `uniform` is at least its first number and below its second, `normal`
 *   takes mean and deviation, `fillNormal` writes numbers of mean 0 and deviation 1 into an array, `integer(n)` is 0 to
 *   n - 1, and `permutation(n)` holds 0 to n - 1 in a random order.
 */
export function rng(seed, ...what) {
  const state = [1, 2, 3, 4];
  for (const character of JSON.stringify([seed, ...what])) {
    for (let i = 0; i < 4; i++) state[i] = mixed(state[i] + 0x9e3779b9 * (i + 1) + character.codePointAt(0));
  }
  const bits = sfc32(...state);
  for (let i = 0; i < WARM_UP; i++) bits();

  const uniform = (low = 0, high = 1) => low + (high - low) * (bits() / 2 ** 32);
  const integer = (n) => Math.floor(uniform(0, n));

  function fillNormal(values) {
    for (let i = 0; i < values.length; i += 2) {
      const radius = Math.sqrt(-2 * Math.log(1 - bits() / 2 ** 32)); // Box and Muller 1958: two at a time
      const angle = 2 * Math.PI * (bits() / 2 ** 32);
      values[i] = radius * Math.cos(angle);
      if (i + 1 < values.length) values[i + 1] = radius * Math.sin(angle);
    }
    return values;
  }

  const pair = new Float64Array(2);
  let left = 0; // of the pair
  function normal(mean = 0, std = 1) {
    if (left === 0) fillNormal(pair);
    left = left === 0 ? 1 : 0;
    return mean + std * pair[1 - left];
  }

  function permutation(n) {
    const order = Int32Array.from({ length: n }, (_, i) => i); // (n,)
    for (let i = n - 1; i > 0; i--) {
      const j = integer(i + 1);
      [order[i], order[j]] = [order[j], order[i]];
    }
    return order;
  }

  return { uniform, normal, fillNormal, integer, permutation };
}
