// What the plots share: the data, one selection, scales, numbers, tooltip.
const data = JSON.parse(document.getElementById('study').textContent);
const byNumber = new Map(data.trials.map(trial => [trial.number, trial]));
const front = new Set(data.front);

// Selection, hover and brushed-away trials are the same in every plot: a plot registers what to do
// when they change.
const view = { selected: null, hovered: null, away: new Set() };
const watchers = [];
const notify = () => watchers.forEach(watcher => watcher());

function hover(number) {
  if (view.hovered === number) return;
  view.hovered = number;
  notify();
}

function select(number) {
  view.selected = view.selected === number ? null : number;
  showDetail();
  notify();
}

function add(parent, name, attributes = {}, text) {
  const svg = name === 'svg' || parent instanceof SVGElement;
  const node = svg ? document.createElementNS('http://www.w3.org/2000/svg', name)
                   : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text !== undefined) node.textContent = text;
  parent.appendChild(node);
  return node;
}

const known = value => typeof value === 'number' && Number.isFinite(value);

function scaled(value, prefixes, unit) {
  let power = 0;
  while (power + 1 < prefixes.length && Math.abs(value) >= 1000) {
    value /= 1000;
    ++power;
  }
  return `${Number(value.toPrecision(4))} ${prefixes[power]}${unit}`.trim();
}

function formatSeconds(seconds) {
  if (seconds < 60) return `${Number(seconds.toPrecision(3))} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor(whole % 3600 / 60)} min`;
}

const formatBytes = value => scaled(value, ['', 'K', 'M', 'G', 'T'], 'B');
const formatCount = (value, unit = '') => scaled(value, ['', 'k', 'M', 'G', 'T'], unit);
const formatPercent = value => `${Number((100 * value).toPrecision(4))} %`;

function formatObjective(objective, value) {
  if (!known(value)) return '–';
  if (objective.maximize) value = -value;  // all are kept as numbers to minimise
  if (objective.share) return formatPercent(value);
  if (objective.unit === 'B') return formatBytes(value);
  return formatCount(value, objective.unit);
}

function formatMetric(name, value) {
  if (!known(value)) return '–';
  if (/accuracy|sparsity/.test(name)) return formatPercent(value);
  if (/seconds/.test(name)) return formatSeconds(value);
  return /bytes/.test(name) ? formatBytes(value) : formatCount(value);
}

const formatValue = value =>
  typeof value === 'number' ? String(Number(value.toPrecision(4))) : String(value);

// Round steps of 1, 2, 2.5, 5 times a power of ten, at most `most` of them.
function linearTicks(low, high, most) {
  const raw = (high - low) / most || 1;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * [1, 2, 2.5, 5, 10].find(factor => factor * power >= raw * (1 - 1e-9));
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; ++i) {
    ticks.push(i * step);
  }
  return ticks;
}

// 1, 2, 5 times powers of ten, thinned until at most `most` are left.
function logTicks(low, high, most) {
  const all = [];
  for (let p = Math.floor(Math.log10(low)); 10 ** p <= high; ++p) {
    all.push(...[1, 2, 5].map(f => f * 10 ** p).filter(v => v >= low && v <= high));
  }
  for (let every = 1; ; ++every) {
    const kept = all.filter((_, i) => i % every === 0);
    if (kept.length <= most) return kept;
  }
}

// A scale from values to 0..1, logarithmic where they span much.
function makeScale(values, { margin = 0.04, ratio = 12 } = {}) {
  let low = Math.min(...values);
  let high = Math.max(...values);
  const log = low > 0 && high / low >= ratio;
  if (low === high) {
    const half = Math.abs(low) / 2 || 0.5;
    low -= half;
    high += half;
  }
  const forward = log ? Math.log : value => value;
  const back = log ? Math.exp : value => value;
  const pad = margin * (forward(high) - forward(low));
  const start = forward(low) - pad;
  const span = forward(high) + pad - start;
  return {
    at: value => (forward(value) - start) / span,
    ticks: most => (log ? logTicks : linearTicks)(back(start), back(start + span), most),
  };
}

const objectiveScale = index => {
  const objective = data.objectives[index];
  const values = data.trials.map(trial => trial.objectives[index]).filter(known);
  if (values.length === 0) return null;
  if (known(objective.limit) && objective.limit > 0) values.push(objective.limit);
  return makeScale(values);
};

function addPairs(parent, entries) {
  const list = add(parent, 'div', { class: 'pairs' });
  for (const [name, text] of entries) {
    add(list, 'span', {}, name);
    add(list, 'b', {}, text);
  }
}

const objectiveEntries = trial => data.objectives.map(
  (objective, m) => [objective.name, formatObjective(objective, trial.objectives[m])]);

const stateText = trial => front.has(trial.number) ? 'on the front'
  : trial.state === 'done' && !trial.feasible ? 'done, outside the limits' : trial.state;

const tip = document.getElementById('tip');

function showTip(event, number) {
  const trial = byNumber.get(number);
  tip.replaceChildren();
  add(tip, 'h4', {}, `Trial ${number}, ${stateText(trial)}`);
  addPairs(tip, objectiveEntries(trial));
  if (trial.reason) add(tip, 'p', { class: 'reason' }, trial.reason.slice(0, 160));
  tip.hidden = false;
  const box = tip.getBoundingClientRect();
  const left = event.clientX + 16 + box.width > innerWidth ? event.clientX - 16 - box.width
                                                           : event.clientX + 16;
  tip.style.left = `${Math.max(4, left)}px`;
  tip.style.top = `${Math.max(4, Math.min(event.clientY + 14, innerHeight - box.height - 8))}px`;
}

function leave() {
  tip.hidden = true;
  hover(null);
}

// Calls `draw(width)` for a container now and whenever its width changes.
function fit(container, draw) {
  let drawn = 0;
  const update = () => {
    const width = Math.floor(container.clientWidth);
    if (width === 0 || width === drawn) return;
    drawn = width;
    container.replaceChildren();
    draw(width);
    notify();
  };
  new ResizeObserver(update).observe(container);
  update();
}

// An svg with grid and titles: `x` and `y` have a scale, a title, a format of their ticks and,
// where whole numbers alone make sense, `whole`. Gives the places of values.
function drawFrame(container, width, height, x, y, label) {
  const margin = { left: 58, right: 12, top: 26, bottom: 38 };
  const [right, bottom] = [width - margin.right, height - margin.bottom];
  const svg = add(container, 'svg', { width, height, role: 'img', 'aria-label': label });
  const atX = value => margin.left + x.scale.at(value) * (right - margin.left);
  const atY = value => bottom - y.scale.at(value) * (bottom - margin.top);
  for (const tick of x.scale.ticks(Math.max(3, Math.floor(width / 80)))) {
    if (x.whole && !Number.isInteger(tick)) continue;
    add(svg, 'line', { class: 'gridline', x1: atX(tick), x2: atX(tick), y1: margin.top, y2: bottom });
    add(svg, 'text', { x: atX(tick), y: bottom + 16, 'text-anchor': 'middle' }, x.format(tick));
  }
  for (const tick of y.scale.ticks(5)) {
    add(svg, 'line', { class: 'gridline', x1: margin.left, x2: right, y1: atY(tick), y2: atY(tick) });
    add(svg, 'text', { x: margin.left - 8, y: atY(tick) + 4, 'text-anchor': 'end' }, y.format(tick));
  }
  add(svg, 'text', { class: 'title', x: right, y: height - 4, 'text-anchor': 'end' }, `${x.title} →`);
  add(svg, 'text', { class: 'title', x: margin.left - 50, y: 14 }, `↑ ${y.title}`);
  return { svg, x: atX, y: atY, left: margin.left, top: margin.top, right, bottom };
}

// Shows the trial of an element when it is pointed at, and keeps it on a click.
function follow(node, number) {
  node.style.cursor = 'pointer';
  node.addEventListener('pointermove', event => {
    hover(number);
    showTip(event, number);
  });
  node.addEventListener('pointerleave', leave);
  node.addEventListener('click', () => select(number));
}

// Marks what belongs to the trials that are pointed at or kept; `nodes` are by number.
const highlight = nodes => () => {
  for (const [number, node] of nodes) {
    node.classList.toggle('hover', number === view.hovered);
    node.classList.toggle('selected', number === view.selected);
  }
};

// A chart that is drawn anew when its width changes; `draw` gives what to do when marks change.
function chart(container, draw) {
  let update = () => {};
  watchers.push(() => update());
  fit(container, width => { update = draw(container, width); });
}

const explain = (container, text) => add(container, 'p', { class: 'empty' }, text);
