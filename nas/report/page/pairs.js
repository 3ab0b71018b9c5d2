// The scatter plot of every pair of objectives.
function drawPair(container, width, xIndex, yIndex) {
  const height = Math.round(Math.min(420, Math.max(250, width * 0.72)));
  const [xObjective, yObjective] = [data.objectives[xIndex], data.objectives[yIndex]];
  const axis = index => ({
    scale: objectiveScale(index),
    title: data.objectives[index].name,
    format: value => formatObjective(data.objectives[index], value),
  });
  const { svg, x, y, left, top, right, bottom } = drawFrame(container, width, height,
    axis(xIndex), axis(yIndex), `${yObjective.name} against ${xObjective.name}`);

  if (known(xObjective.limit)) {
    const at = x(xObjective.limit);
    add(svg, 'rect', { class: 'beyond', x: at, y: top, width: Math.max(0, right - at),
      height: bottom - top });
    add(svg, 'line', { class: 'limitline', x1: at, x2: at, y1: top, y2: bottom });
    add(svg, 'text', { class: 'limittext label', x: at - 5, y: bottom - 6, 'text-anchor': 'end' },
      formatObjective(xObjective, xObjective.limit));
  }
  if (known(yObjective.limit)) {
    const at = y(yObjective.limit);
    add(svg, 'rect', { class: 'beyond', x: left, y: top,
      width: right - left, height: Math.max(0, at - top) });
    add(svg, 'line', { class: 'limitline', x1: left, x2: right, y1: at, y2: at });
    add(svg, 'text', { class: 'limittext label', x: left + 5, y: at + 13 },
      formatObjective(yObjective, yObjective.limit));
  }
  drawStairs(svg, xIndex, yIndex, x, y, right, top);

  // Points, the front last and so on top. Of a trial with one value unknown, that axis shows a tick.
  const marks = [];
  const rank = trial => front.has(trial.number) ? 2 : trial.feasible ? 1 : 0;
  for (const trial of [...data.trials].sort((a, b) => rank(a) - rank(b))) {
    const [a, b] = [trial.objectives[xIndex], trial.objectives[yIndex]];
    if (!known(a) && !known(b)) continue;
    const mark = { number: trial.number, x: known(a) ? x(a) : left, y: known(b) ? y(b) : bottom };
    if (known(a) && known(b)) {
      mark.node = add(svg, 'circle', {
        class: `point ${['outside', 'inside', 'front'][rank(trial)]}`,
        cx: mark.x, cy: mark.y, r: rank(trial) === 2 ? 5 : 3.6,
      });
    } else {
      mark.node = add(svg, 'line', known(a)
        ? { class: 'tick', x1: mark.x, x2: mark.x, y1: bottom, y2: bottom - 7 }
        : { class: 'tick', y1: mark.y, y2: mark.y, x1: left, x2: left + 7 });
    }
    marks.push(mark);
  }
  const rings = ['hovered', 'selected'].map(
    kind => [kind, add(svg, 'circle', { class: `ring ${kind}`, r: 8, visibility: 'hidden' })]);

  const nearest = event => {
    const box = svg.getBoundingClientRect();
    const [px, py] = [event.clientX - box.left, event.clientY - box.top];
    let found = null;
    let best = 18 ** 2;
    for (const mark of marks) {
      if (view.away.has(mark.number)) continue;
      const distance = (mark.x - px) ** 2 + (mark.y - py) ** 2;
      if (distance <= best) [found, best] = [mark, distance];
    }
    return found;
  };
  svg.addEventListener('pointermove', event => {
    const mark = nearest(event);
    svg.style.cursor = mark ? 'pointer' : '';
    if (!mark) return leave();
    hover(mark.number);
    showTip(event, mark.number);
  });
  svg.addEventListener('pointerleave', leave);
  svg.addEventListener('click', event => {
    const mark = nearest(event);
    if (mark) select(mark.number);
  });

  const places = new Map(marks.map(mark => [mark.number, mark]));
  return () => {
    for (const [kind, ring] of rings) {
      const mark = places.get(view[kind]);
      ring.setAttribute('visibility', mark ? 'visible' : 'hidden');
      if (!mark) continue;
      ring.setAttribute('cx', mark.x);
      ring.setAttribute('cy', mark.y);
    }
    for (const mark of marks) mark.node.classList.toggle('away', view.away.has(mark.number));
  };
}

function drawStairs(svg, xIndex, yIndex, x, y, right, top) {
  const inside = data.trials.filter(trial => trial.feasible).map(trial => trial.objectives)
    .sort((a, b) => a[xIndex] - b[xIndex] || a[yIndex] - b[yIndex]);
  if (inside.length === 0) return;
  let path = '';
  let least = Infinity;
  for (const objectives of inside) {
    if (objectives[yIndex] >= least) continue;
    path += path === '' ? `M${x(objectives[xIndex])},${top}` : `H${x(objectives[xIndex])}`;
    path += `V${y(objectives[yIndex])}`;
    least = objectives[yIndex];
  }
  add(svg, 'path', { class: 'stairs', d: `${path}H${right}` });
}

function drawPairs() {
  const grid = document.querySelector('#pairs .grid');
  const shown = data.objectives.map((_, m) => m)
    .filter(m => data.trials.some(trial => known(trial.objectives[m])));
  if (shown.length < 2) {
    document.querySelector('#pairs .legend').hidden = true;
    explain(grid, 'No trial has two known objectives yet.');
    return;
  }
  grid.classList.toggle('single', shown.length === 2);
  for (let i = 0; i < shown.length; ++i) {
    for (let j = i + 1; j < shown.length; ++j) {
      const cell = add(grid, 'div');
      // The first objective, the error, is upright in all of its plots.
      chart(cell, (container, width) => drawPair(container, width, shown[j], shown[i]));
    }
  }
}
drawPairs();
