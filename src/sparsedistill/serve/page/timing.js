// When requests are sent while somebody types.

/**
 * A function that runs `work` with its newest arguments, one run at a time: those in between are left out.
 * @param {Function} work an async function that does not throw
 */
export function newest(work) {
  let waiting = null;
  let running = false;
  return async (...given) => {
    waiting = given;
    if (running) {
      return;
    }
    running = true;
    while (waiting !== null) {
      const now = waiting;
      waiting = null;
      await work(...now);
    }
    running = false;
  };
}

/** A function that calls `work` once nobody has called it for some milliseconds. */
export function afterPause(milliseconds, work) {
  let timer = 0;
  return (...given) => {
    clearTimeout(timer);
    timer = setTimeout(() => work(...given), milliseconds);
  };
}
