// The workers' timeline, the learning curves, and what was predicted of the trials.
const training = data.training;
const percentOr = value => formatObjective(data.objectives[0], value);

function drawWorkers(container, width) {
  const margin = { left: 30, right: 12, bottom: 36 };
  const row = Math.max(4, Math.min(24, 480 / training.lanes));
  const bottom = training.lanes * row;
  const height = bottom + margin.bottom;
  const svg = add(container, 'svg', { width, height, role: 'img', 'aria-label': 'who worked when' });
  const scale = seconds => margin.left + seconds / (training.length || 1) * (width - margin.left - margin.right);
  for (let lane = 0; lane < training.lanes; ++lane) {
    if (row < 12) break;
    add(svg, 'text', { x: margin.left - 8, y: (lane + .5) * row + 4, 'text-anchor': 'end' }, String(lane));
  }
  const nodes = [];
  for (const [lane, number, begin, end] of training.stretches) {
    const node = add(svg, 'rect', {
      class: `bar ${byNumber.get(number).state}`, x: scale(begin), y: lane * row + row * .08,
      width: Math.max(1, scale(end) - scale(begin)), height: row * .84,
    });
    follow(node, number);
    nodes.push([number, node]);
  }
  for (const [at, drawn, seconds] of training.breaks) {
    const middle = (scale(at) + scale(at + drawn)) / 2;
    add(svg, 'text', { x: middle, y: bottom / 2 + 4, 'text-anchor': 'middle' }, '⫽');
    add(svg, 'text', { class: 'label', x: middle, y: bottom + 30, 'text-anchor': 'middle' }, formatSeconds(seconds));
  }
  add(svg, 'line', { class: 'axis', x1: margin.left, x2: width - margin.right, y1: bottom, y2: bottom });
  for (const tick of linearTicks(0, training.length || 1, Math.max(3, Math.floor(width / 110)))) {
    add(svg, 'text', { x: scale(tick), y: bottom + 15, 'text-anchor': 'middle' }, formatSeconds(tick));
  }
  return highlight(nodes);
}

function drawCurves(container, width) {
  const curves = Object.entries(training.curves)
    .map(([number, points]) => [byNumber.get(Number(number)), points.filter(([, value]) => known(value))])
    .filter(([, points]) => points.length > 0)
    .sort(([a], [b]) => front.has(a.number) - front.has(b.number));
  const all = curves.flatMap(([, points]) => points);
  if (all.length === 0) {
    explain(container, 'Nothing was measured before the end of a trial.');
    return () => {};
  }
  const { svg, x, y } = drawFrame(container, width, Math.round(Math.min(420, Math.max(260, width * .6))),
    { scale: makeScale(all.map(([step]) => step), { ratio: Infinity }), title: 'epoch', format: String, whole: true },
    { scale: makeScale(all.map(([, value]) => value)), title: data.objectives[0].name, format: percentOr },
    'learning curves');
  const nodes = curves.map(([trial, points]) => {
    const kind = front.has(trial.number) ? 'front' : trial.state;
    const places = points.map(([step, value]) => [x(step), y(value)]);
    const [endX, endY] = places.at(-1);
    const line = add(svg, 'polyline', {
      class: `learning ${kind}`,
      points: (places.length > 1 ? places : [[endX - 3, endY], [endX + 3, endY]]).join(' '),
    });
    if (trial.state === 'stopped') {
      add(svg, 'path', { class: 'cross', d: `M${endX - 3},${endY - 3}l6,6m0,-6l-6,6` });
    }
    follow(line, trial.number);
    return [trial.number, line];
  });
  return highlight(nodes);
}

function drawPredictions(container, width) {
  const ended = training.predictions.filter(([, predicted, , , final]) => known(predicted) && known(final));
  const open = training.predictions.filter(([, predicted, , , final]) => known(predicted) && !known(final));
  const values = [...ended.flatMap(([, predicted, , , final]) => [predicted, final]),
    ...open.map(([, predicted]) => predicted)];
  if (values.length === 0) {
    explain(container, 'Nothing has been predicted yet.');
    return () => {};
  }
  const axis = title => ({ scale: makeScale(values, { ratio: Infinity }), title, format: percentOr });
  const { svg, x, y, bottom } = drawFrame(container, width,
    Math.round(Math.min(420, Math.max(260, width * .6))), axis('predicted'), axis('in the end'),
    'predicted and final');
  const [low, high] = [Math.min(...values), Math.max(...values)];
  add(svg, 'line', { class: 'even', x1: x(low), y1: y(low), x2: x(high), y2: y(high) });
  const nodes = [];
  for (const [number, predicted, deviation, , final] of ended) {
    if (known(deviation)) {
      add(svg, 'line', { class: 'error', x1: x(Math.max(low, predicted - deviation)),
        x2: x(Math.min(high, predicted + deviation)), y1: y(final), y2: y(final) });
    }
    const node = add(svg, 'circle', { class: `point ${front.has(number) ? 'front' : 'inside'}`,
      cx: x(predicted), cy: y(final), r: 4 });
    follow(node, number);
    nodes.push([number, node]);
  }
  for (const [number, predicted] of open) {
    follow(add(svg, 'line', { class: 'cross', x1: x(predicted), x2: x(predicted), y1: bottom, y2: bottom - 9 }),
      number);
  }
  return highlight(nodes);
}

for (const [part, draw] of [['workers', drawWorkers], ['curves', drawCurves], ['predictions', drawPredictions]]) {
  const container = document.querySelector(`#training .${part}`);
  if (container) chart(container, draw);
}
