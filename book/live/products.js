// Products of matrices: plain JavaScript to read, and a kernel in WebAssembly that is ten times as fast (kernel.wat).

/** The product in plain JavaScript, as `multiply` of `loadProducts` describes it: the definition. */
function oneByOne(a, aRow, aColumn, b, out, rows, inner, columns) {
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      let sum = 0;
      for (let k = 0; k < inner; k++) sum += a[i * aRow + k * aColumn] * b[k * columns + j];
      out[i * columns + j] = sum;
    }
  }
}

/** The same in tiles of 2 rows and 4 columns: three times as fast, since a number is fetched once for several sums. */
function inTiles(a, aRow, aColumn, b, out, rows, inner, columns) {
  if (rows < 2 || columns < 4) return oneByOne(a, aRow, aColumn, b, out, rows, inner, columns); // under one tile
  for (let row = 0; row < rows; row += 2) {
    const i = Math.min(row, rows - 2); // the last tile is moved back to end with the matrix
    for (let column = 0; column < columns; column += 4) {
      const j = Math.min(column, columns - 4);
      let sum00 = 0, sum01 = 0, sum02 = 0, sum03 = 0;
      let sum10 = 0, sum11 = 0, sum12 = 0, sum13 = 0;
      for (let k = 0, inA = i * aRow, inB = j; k < inner; k++, inA += aColumn, inB += columns) {
        const b0 = b[inB], b1 = b[inB + 1], b2 = b[inB + 2], b3 = b[inB + 3];
        const a0 = a[inA], a1 = a[inA + aRow];
        sum00 += a0 * b0; sum01 += a0 * b1; sum02 += a0 * b2; sum03 += a0 * b3;
        sum10 += a1 * b0; sum11 += a1 * b1; sum12 += a1 * b2; sum13 += a1 * b3;
      }
      const upper = i * columns + j, lower = upper + columns;
      out[upper] = sum00; out[upper + 1] = sum01; out[upper + 2] = sum02; out[upper + 3] = sum03;
      out[lower] = sum10; out[lower + 1] = sum11; out[lower + 2] = sum12; out[lower + 3] = sum13;
    }
  }
}

/** The same by the kernel; what it reads and writes is copied into and out of its memory, which grows as needed. */
function byKernel({ product, memory }) {
  return (a, aRow, aColumn, b, out, rows, inner, columns) => {
    if (rows < 4 || columns < 8) return inTiles(a, aRow, aColumn, b, out, rows, inner, columns); // under one tile
    const size = [rows * inner, inner * columns, rows * columns];
    const at = [0, 4 * size[0], 4 * (size[0] + size[1])]; // bytes, where A, B and the product stand
    const missing = at[2] + 4 * size[2] - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.ceil(missing / 65536));
    new Float32Array(memory.buffer, at[0], size[0]).set(a.subarray(0, size[0]));
    new Float32Array(memory.buffer, at[1], size[1]).set(b.subarray(0, size[1]));
    product(at[0], aRow, aColumn, at[1], at[2], rows, inner, columns);
    out.set(new Float32Array(memory.buffer, at[2], size[2]));
  };
}

/**
 * What multiplies matrices in the page.
 *
 * `multiply(a, aRow, aColumn, b, out, rows, inner, columns)` writes A B into `out`, (rows, columns). B is (inner,
 * columns); A is (rows, inner), with number (i, k) at `a[i * aRow + k * aColumn]`, so that a matrix can be multiplied
 * as it stands (`inner, 1`) or transposed (`1, rows`).
 *
 * @param {?Uint8Array} wasmBytes the kernel, or null for plain JavaScript; so it is, too, where no kernel can run.
 * @returns {Promise<{name: string, multiply: function}>} name "wasm" or "plain".
 */
export async function loadProducts(wasmBytes) {
  if (wasmBytes !== null) {
    try {
      const { instance } = await WebAssembly.instantiate(wasmBytes);
      return { name: "wasm", multiply: byKernel(instance.exports) };
    } catch {
      // an old browser, or one that forbids WebAssembly: the plain product gives the same numbers, later
    }
  }
  return { name: "plain", multiply: inTiles };
}

/** A matrix (rows, columns) turned round, (columns, rows). */
export function transposed(matrix, rows, columns) {
  const turned = new Float32Array(rows * columns); // (columns, rows)
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) turned[j * rows + i] = matrix[i * columns + j];
  }
  return turned;
}
