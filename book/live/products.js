// Products of matrices: plain JavaScript to read, and a kernel in WebAssembly that is ten times as fast (kernel.wat).

/** The product in plain JavaScript, as `multiply` of `loadProducts` describes it: four columns at a time. */
function plainProduct(a, aRow, aColumn, b, out, rows, inner, columns) {
  for (let i = 0; i < rows; i++) {
    let j = 0;
    for (; j + 4 <= columns; j += 4) {
      let [sum0, sum1, sum2, sum3] = [0, 0, 0, 0];
      for (let k = 0, inA = i * aRow, inB = j; k < inner; k++, inA += aColumn, inB += columns) {
        const factor = a[inA];
        sum0 += factor * b[inB];
        sum1 += factor * b[inB + 1];
        sum2 += factor * b[inB + 2];
        sum3 += factor * b[inB + 3];
      }
      out.set([sum0, sum1, sum2, sum3], i * columns + j);
    }
    for (; j < columns; j++) {
      let sum = 0;
      for (let k = 0; k < inner; k++) sum += a[i * aRow + k * aColumn] * b[k * columns + j];
      out[i * columns + j] = sum;
    }
  }
}

/** The same by the kernel; what it reads and writes is copied into and out of its memory, which grows as needed. */
function kernelProduct({ product, memory }) {
  return (a, aRow, aColumn, b, out, rows, inner, columns) => {
    if (rows < 4 || columns < 8) return plainProduct(a, aRow, aColumn, b, out, rows, inner, columns); // under one tile
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
      return { name: "wasm", multiply: kernelProduct(instance.exports) };
    } catch {
      // an old browser, or one that forbids WebAssembly: the plain product gives the same numbers, later
    }
  }
  return { name: "plain", multiply: plainProduct };
}

/** A matrix (rows, columns) turned round, (columns, rows). */
export function transposed(matrix, rows, columns) {
  const turned = new Float32Array(rows * columns); // (columns, rows)
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) turned[j * rows + i] = matrix[i * columns + j];
  }
  return turned;
}
