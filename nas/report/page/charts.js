// Hypervolume over trials, and the panel of the selected trial.
function drawHypervolume(container, width) {
  const series = data.hypervolume;
  const height = 340;
  const margin = { left: 52, right: 16, top: 14, bottom: 38 };
  const right = width - margin.right;
  const bottom = height - margin.bottom;
  const top = Math.max(...series) || 1;
  const last = Math.max(1, series.length - 1);
  const x = index => margin.left + index / last * (right - margin.left);
  const y = value => bottom - value / (1.06 * top) * (bottom - margin.top);
  const svg = add(container, 'svg', { width, height, role: 'img', 'aria-label': 'hypervolume over trials' });
  for (const tick of linearTicks(0, 1.06 * top, 5)) {
    add(svg, 'line', { class: 'gridline', x1: margin.left, x2: right, y1: y(tick), y2: y(tick) });
    add(svg, 'text', { x: margin.left - 8, y: y(tick) + 4, 'text-anchor': 'end' },
      String(Number(tick.toPrecision(6))));
  }
  for (const tick of linearTicks(0, last, Math.floor(width / 80)).filter(Number.isInteger)) {
    add(svg, 'text', { x: x(tick), y: bottom + 17, 'text-anchor': 'middle' }, String(tick));
  }
  add(svg, 'line', { class: 'axis', x1: margin.left, x2: right, y1: bottom, y2: bottom });
  add(svg, 'text', { class: 'title', x: right, y: height - 4, 'text-anchor': 'end' }, 'trial →');
  const path = series.map((value, i) => i === 0 ? `M${x(0)},${y(value)}` : `H${x(i)}V${y(value)}`).join('')
    + (series.length === 1 ? `H${right}` : '');
  add(svg, 'path', { class: 'area', d: `${path}V${bottom}H${margin.left}Z` });
  add(svg, 'path', { class: 'curve', d: path });
  const mark = kind => ({
    line: add(svg, 'line', { class: 'cursor', y1: margin.top, y2: bottom, visibility: 'hidden' }),
    dot: add(svg, 'circle', { class: 'dot', r: 5, visibility: 'hidden' }),
    label: add(svg, 'text', { class: 'label', visibility: 'hidden' }),
    kind,
  });
  const marks = [mark('selected'), mark('hovered')];
  const indexOf = new Map(data.trials.map((trial, i) => [trial.number, i]));

  const index = event => {
    const at = (event.clientX - svg.getBoundingClientRect().left - margin.left) / (right - margin.left);
    return Math.max(0, Math.min(series.length - 1, Math.round(at * last)));
  };
  svg.addEventListener('pointermove', event => {
    const { number } = data.trials[index(event)];
    hover(number);
    showTip(event, number);
  });
  svg.addEventListener('pointerleave', leave);
  svg.addEventListener('click', event => select(data.trials[index(event)].number));

  return () => {
    for (const { line, dot, label, kind } of marks) {
      const i = indexOf.get(view[kind]);
      for (const node of [line, dot, label]) {
        node.setAttribute('visibility', i === undefined ? 'hidden' : 'visible');
      }
      if (i === undefined) continue;
      line.setAttribute('x1', x(i));
      line.setAttribute('x2', x(i));
      dot.setAttribute('cx', x(i));
      dot.setAttribute('cy', y(series[i]));
      label.textContent = series[i].toFixed(4);
      label.setAttribute('x', x(i) + (i > last / 2 ? -9 : 9));
      label.setAttribute('y', y(series[i]) + 20);
      label.setAttribute('text-anchor', i > last / 2 ? 'end' : 'start');
    }
  };
}

function drawHypervolumeChart() {
  const container = document.querySelector('#hypervolume .chart');
  if (data.trials.length === 0) {
    explain(container, 'No trial yet.');
    return;
  }
  chart(container, drawHypervolume);
}
drawHypervolumeChart();

function drawLearning(parent, curve) {
  const [width, height] = [266, 64];
  const svg = add(parent, 'svg', { width, height, role: 'img', 'aria-label': 'learning curve' });
  const scale = makeScale(curve.map(([, value]) => value), { ratio: Infinity });
  const last = curve.at(-1)[0];
  const points = curve.map(
    ([step, value]) => `${(step - 1) / Math.max(1, last - 1) * width},${height - scale.at(value) * height}`);
  add(svg, 'line', { class: 'axis', x1: 0, x2: width, y1: height, y2: height });
  add(svg, 'polyline', { class: 'curve', points: points.join(' ') });
}

function showDetail() {
  const panel = document.getElementById('detail');
  const trial = byNumber.get(view.selected);
  panel.hidden = !trial;
  panel.replaceChildren();
  if (!trial) return;
  add(panel, 'button', { class: 'close', type: 'button', 'aria-label': 'Close' }, '×')
    .addEventListener('click', () => select(trial.number));
  add(panel, 'h4', {}, `Trial ${trial.number}, ${stateText(trial)}`);
  if (trial.reason) add(panel, 'p', { class: 'reason' }, trial.reason);
  addPairs(panel, objectiveEntries(trial));
  const curve = (data.training.curves[trial.number] ?? []).filter(([, value]) => known(value));
  if (curve.length > 1) {
    add(panel, 'h5', {}, `${data.objectives[0].name} after 1 to ${curve.at(-1)[0]}`);
    drawLearning(panel, curve);
  }
  add(panel, 'h5', {}, 'Parameters');
  addPairs(panel, Object.entries(trial.values).map(([name, value]) => [name, formatValue(value)]));
  if (Object.keys(trial.metrics).length === 0) return;
  add(panel, 'h5', {}, 'Metrics');
  addPairs(panel, Object.entries(trial.metrics).map(([name, value]) => [name, formatMetric(name, value)]));
}
