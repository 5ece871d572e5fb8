// Two rankings of one question side by side. Nothing here touches the page.

/**
 * What became of each id in the other ranking.
 *
 * Returns {left, right, common}: rows [{id, rank, other}] in the order of each ranking, ranks from 1, `other` null
 * where the other ranking does not hold the id; `common` counts the ids that stand in both.
 */
export function compared(left, right) {
  const ranks = (ids) => new Map(ids.map((id, at) => [id, at + 1]));
  const [inLeft, inRight] = [ranks(left), ranks(right)];
  const rows = (ids, others) => ids.map((id, at) => ({ id, rank: at + 1, other: others.get(id) ?? null }));
  return {
    left: rows(left, inRight),
    right: rows(right, inLeft),
    common: left.filter((id) => inRight.has(id)).length,
  };
}
