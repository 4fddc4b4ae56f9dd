// What each n-gram adds to the logits: integrated gradients in closed form, as in the Python package
// (src/sparsedistill/explain). All numbers are float64.

function vector(array) {
  return Float64Array.from(new Float32Array(array.bytes.slice().buffer));
}

function matrix(array) {
  const [rows, columns] = array.shape;
  return { values: vector(array), rows, columns };
}

/** The weights of the head. */
export function readHead(arrays) {
  return {
    hidden: matrix(arrays.get("hidden.weight")),
    hiddenBias: vector(arrays.get("hidden.bias")),
    output: matrix(arrays.get("output.weight")),
    outputBias: vector(arrays.get("output.bias")),
    basis: arrays.has("basis") ? matrix(arrays.get("basis")) : null,
  };
}

/** The logits of a text without n-grams. */
export function emptyLogits({ hiddenBias, output, outputBias }) {
  return Float32Array.from(outputBias, (bias, c) => {
    let sum = 0;
    hiddenBias.forEach((b, h) => (sum += output.values[c * output.columns + h] * Math.tanh(b)));
    return sum + bias;
  });
}

// (tanh(start + moved) - tanh(start)) / moved, also if moved is close to 0.
function meanSlope(start, moved) {
  const ratio = Math.abs(moved) < 1e-9 ? 1 : Math.tanh(moved) / moved;
  return ratio * (1 - Math.tanh(start) * Math.tanh(start + moved));
}

/**
 * What each item adds to the logits, one Float32Array (outputs) per item.
 *
 * @param head What readHead() gave.
 * @param sides The items of the text, or of both texts of a pair, each { name, numbers }.
 */
export function contributions(head, sides) {
  const groups = sides.length === 1 ? [single(head.hidden, sides[0])] : pairGroups(head, sides);
  const moved = new Float64Array(head.hidden.rows);
  for (const { items, weight, constant } of groups) {
    for (const { numbers } of items) {
      for (let h = 0; h < moved.length; ++h) moved[h] += dot(weight, h, numbers) + (constant?.[h] ?? 0);
    }
  }
  const { output, hiddenBias } = head;
  const slopes = hiddenBias.map((bias, h) => meanSlope(bias, moved[h]));
  const added = new Map();
  for (const { items, weight, constant } of groups) {
    for (const item of items) {
      const input = (h) => dot(weight, h, item.numbers) + (constant?.[h] ?? 0);
      const inputs = slopes.map((slope, h) => slope * input(h));
      added.set(item, Float32Array.from({ length: output.rows }, (_, c) => dot(output, c, inputs)));
    }
  }
  return sides.flat().map((item) => added.get(item));
}

function dot({ values, columns }, row, numbers) {
  let sum = 0;
  for (let d = 0; d < columns; ++d) sum += values[row * columns + d] * numbers[d];
  return sum;
}

function single(hidden, items) {
  const each = 1 / Math.max(items.length, 1);
  return { items, weight: { ...hidden, values: hidden.values.map((value) => value * each) } };
}

// The items of each text of a pair, those in both texts and those in one, which move the hidden units alike:
// by weight @ numbers + constant.
function pairGroups({ hidden, basis }, sides) {
  const names = sides.map((items) => new Set(items.map((item) => item.name)));
  const common = new Set([...names[0]].filter((name) => names[1].has(name)));
  const shared = sides.map((items) => items.filter((item) => common.has(item.name)));
  const alone = sides.map((items) => items.filter((item) => !common.has(item.name)));
  const counts = [common.size, alone[0].length, alone[1].length];
  const each = 1 / Math.max(counts[0] + counts[1] + counts[2], 1);
  const dim = basis.rows;
  const parts = [shared[0], ...alone].map((items) => {
    const sum = new Float64Array(basis.columns);
    items.forEach(({ numbers }) => numbers.forEach((number, d) => (sum[d] += number)));
    return Float64Array.from({ length: dim }, (_, t) => dot(basis, t, sum) * each);
  });
  const means = [1, 2].map((part) => {
    const whole = (counts[0] + counts[part]) * each;
    return parts[0].map((value, t) => (value + parts[part][t]) / (whole > 0 ? whole : 1));
  });
  const column = (h, block, t) => hidden.values[h * hidden.columns + block * dim + t];
  return [0, 1].flatMap((number) => {
    const [own, other] = [means[number], means[1 - number]];
    const perItem = 1 / Math.max(sides[number].length, 1);
    return [[0, 0.5, shared[number]], [number + 1, 1, alone[number]]].map(([part, share, items]) => {
      const values = new Float64Array(hidden.rows * basis.columns);
      const constant = new Float64Array(hidden.rows);
      for (let h = 0; h < hidden.rows; ++h) {
        for (let t = 0; t < dim; ++t) {
          const ofText = (column(h, 3, t) * other[t]) / 2 + column(h, 4, t) * Math.sign(own[t] - other[t]);
          const weight = column(h, part, t) * each * share + ofText * perItem;
          for (let d = 0; d < basis.columns; ++d) {
            values[h * basis.columns + d] += weight * basis.values[t * basis.columns + d];
          }
        }
        constant[h] = hidden.values[h * hidden.columns + 5 * dim + part] * each * share;
      }
      return { items, weight: { values, rows: hidden.rows, columns: basis.columns }, constant };
    });
  });
}
