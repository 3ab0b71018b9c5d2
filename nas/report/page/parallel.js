// Parallel coordinates of trained networks: parameters, then objectives.
const trained = data.trials.filter(trial => trial.state === 'done' && trial.objectives.every(known));

// An axis puts a trial at 0..1, or nowhere (NaN), and has a few labelled places.
function parameterAxis({ name, log }) {
  const all = trained.map(trial => trial.values[name]);
  const values = all.filter(value => value !== undefined);
  if (values.length > 0 && values.every(known)) {
    const scale = makeScale(values, { margin: 0, ratio: log ? 1 : Infinity });
    const whole = values.every(Number.isInteger);
    // Trials in which the parameter has no value, its conditions not met, pass below the others.
    const low = values.length < all.length ? 0.12 : 0;
    const at = value => low + (1 - low) * scale.at(value);
    const ticks = scale.ticks(5).filter(tick => !whole || Number.isInteger(tick))
      .map(tick => [at(tick), formatValue(tick)]);
    return {
      name, at: trial => known(trial.values[name]) ? at(trial.values[name]) : 0,
      ticks: low > 0 ? [[0, '–'], ...ticks] : ticks,
    };
  }
  const text = value => value === undefined ? '–' : String(value);
  const choices = [...new Set(all.map(text))].sort();
  const place = choice => (choices.indexOf(choice) + 0.5) / choices.length;
  return {
    name, at: trial => place(text(trial.values[name])),
    ticks: choices.map(choice => [place(choice), choice]),
  };
}

function objectiveAxis(objective, m) {
  const scale = makeScale(trained.map(trial => trial.objectives[m]),
    { bytes: objective.unit === 'B', margin: 0 });
  return {
    name: objective.name, objective: true, at: trial => scale.at(trial.objectives[m]),
    ticks: scale.ticks(5).map(tick => [scale.at(tick), formatObjective(objective, tick)]),
  };
}

// Colour by the rank of the error (the first objective), so that outliers do not wash out the rest.
const errorRank = new Map([...trained].sort((a, b) => a.objectives[0] - b.objectives[0])
  .map((trial, i) => [trial.number, i / Math.max(1, trained.length - 1)]));

function rampColour(at) {
  const [from, to, share] = at < 0.5 ? [0, 1, at * 2] : [1, 2, at * 2 - 1];
  return `color-mix(in oklab, var(--ramp-${from}) ${Math.round(100 * (1 - share))}%, var(--ramp-${to}))`;
}

const brushes = new Map();  // axis number -> [low, high] in 0..1

function applyBrushes(axes) {
  view.away = new Set(trained.filter(trial => [...brushes].some(([i, [low, high]]) => {
    const at = axes[i].at(trial);
    return at < low || at > high;
  })).map(trial => trial.number));
  notify();
}

function drawParallel(container, available, axes) {
  const width = Math.max(available, 90 * axes.length);
  const height = 400;
  const margin = { left: 46, right: 46, top: 44, bottom: 16 };
  const bottom = height - margin.bottom;
  const x = i => margin.left + i / Math.max(1, axes.length - 1) * (width - margin.left - margin.right);
  const y = at => bottom - at * (bottom - margin.top);
  const svg = add(container, 'svg', { width, height, role: 'img', 'aria-label': 'parallel coordinates',
    // Many lines are fainter, so that their bundles show.
    style: `--strand: ${Math.min(0.62, Math.max(0.1, 50 / trained.length))}` });

  const strands = new Map();
  const worstFirst = [...trained].sort((a, b) => front.has(a.number) - front.has(b.number)
    || errorRank.get(b.number) - errorRank.get(a.number));
  for (const trial of worstFirst) {
    const node = add(svg, 'polyline', {
      class: front.has(trial.number) ? 'strand front' : 'strand',
      points: axes.map((axis, i) => `${x(i)},${y(axis.at(trial))}`).join(' '),
      style: `stroke: ${rampColour(errorRank.get(trial.number))}`,
    });
    node.addEventListener('pointermove', event => {
      hover(trial.number);
      showTip(event, trial.number);
    });
    node.addEventListener('pointerleave', leave);
    node.addEventListener('click', () => select(trial.number));
    strands.set(trial.number, node);
  }
  axes.forEach((axis, i) => {
    add(svg, 'line', { class: 'rail', x1: x(i), x2: x(i), y1: margin.top, y2: bottom });
    add(svg, 'text', { class: 'title', x: x(i), y: i % 2 && axes.length > 9 ? 28 : 13,
      'text-anchor': 'middle' }, axis.objective ? `${axis.name} ↓` : axis.name);
    for (const [at, text] of axis.ticks) {
      add(svg, 'text', { class: 'label', x: x(i) - 6, y: y(at) + 4, 'text-anchor': 'end' }, text);
    }
    addBrush(svg, axes, i, x(i), y, margin.top, bottom);
  });
  let raised = [];
  return () => {
    for (const node of raised) node.classList.remove('hover', 'selected');
    raised = [];
    for (const [kind, name] of [['hover', view.hovered], ['selected', view.selected]]) {
      const node = strands.get(name);
      if (!node) continue;
      node.classList.add(kind);
      raised.push(node);
    }
    for (const [number, node] of strands) node.classList.toggle('away', view.away.has(number));
  };
}

function addBrush(svg, axes, i, x, y, top, bottom) {
  const box = add(svg, 'rect', { class: 'brush', x: x - 7, width: 14, rx: 3, visibility: 'hidden' });
  const handle = add(svg, 'rect', { class: 'handle', x: x - 12, y: top, width: 24, height: bottom - top });
  const show = () => {
    const range = brushes.get(i);
    box.setAttribute('visibility', range ? 'visible' : 'hidden');
    if (!range) return;
    box.setAttribute('y', y(range[1]));
    box.setAttribute('height', y(range[0]) - y(range[1]));
  };
  const at = event => Math.max(0, Math.min(1,
    (bottom - (event.clientY - svg.getBoundingClientRect().top)) / (bottom - top)));
  let start = null;
  handle.addEventListener('pointerdown', event => {
    start = at(event);
    handle.setPointerCapture(event.pointerId);
    brushes.delete(i);
    show();
    applyBrushes(axes);
  });
  handle.addEventListener('pointermove', event => {
    if (start === null || Math.abs(at(event) - start) < 0.01) return;
    brushes.set(i, [Math.min(start, at(event)), Math.max(start, at(event))]);
    show();
    applyBrushes(axes);
  });
  handle.addEventListener('pointerup', () => { start = null; });
  show();
}

function drawParallelPlot() {
  const container = document.querySelector('#parallel .scroll');
  if (trained.length === 0) {
    document.querySelector('#parallel .ramp').hidden = true;
    explain(container, 'No network is trained yet.');
    return;
  }
  const axes = [...data.parameters.map(parameterAxis), ...data.objectives.map(objectiveAxis)];
  let update = () => {};
  watchers.push(() => update());
  fit(container, width => { update = drawParallel(container, width, axes); });
}
drawParallelPlot();
