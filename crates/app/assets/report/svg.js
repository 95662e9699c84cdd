// Small charts, drawn as SVG at the width they have.

const svgSpace = 'http://www.w3.org/2000/svg';
const s = (tag, attributes, ...children) => {
  const element = document.createElementNS(svgSpace, tag);
  for (const [name, value] of Object.entries(attributes || {})) if (value !== null && value !== undefined) element.setAttribute(name, value);
  element.append(...children.flat(9).filter(child => child !== null && child !== undefined && child !== false));
  return element;
};
const title = text => s('title', null, text);
const txt = (x, y, text, attributes) => s('text', { x, y, ...attributes }, text);

const drawings = [];
const redraw = new ResizeObserver(entries => {
  for (const { target } of entries) {
    const drawing = drawings.find(each => each.box === target);
    if (drawing && Math.round(target.clientWidth) !== drawing.width) paint(drawing);
  }
});
const paint = drawing => {
  const width = Math.round(drawing.box.clientWidth);
  if (width < 40) return;
  drawing.width = width;
  const height = typeof drawing.height === 'function' ? drawing.height(width) : drawing.height;
  const svg = s('svg', { width, height, viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': drawing.label });
  svg.append(...[drawing.draw(width, height)].flat(9).filter(Boolean));
  drawing.box.replaceChildren(svg);
  drawing.box.style.height = height + 'px';
};
// A place for a drawing; `draw(width, height)` gives its elements.
const drawn = (label, height, draw) => {
  const box = h('div', { class: 'svg' });
  const drawing = { box, label, height, draw, width: 0 };
  drawings.push(drawing);
  return box;
};
const paintAll = () => { for (const drawing of drawings) { paint(drawing); redraw.observe(drawing.box); } };
const forgetDrawings = () => { redraw.disconnect(); drawings.length = 0; };

// Round values for an axis that spans low to high.
const ticks = (low, high, wanted) => {
  const spread = high - low || 1;
  const rough = spread / Math.max(1, wanted);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map(m => m * power).find(each => each >= rough);
  const list = [];
  for (let at = Math.ceil(low / step) * step; at <= high + step * 1e-9; at += step) list.push(Math.abs(at) < step * 1e-9 ? 0 : at);
  return list;
};

// Horizontal bars. Each row: label, parts of {value, colour, label}, and what is said at the end.
const bars = (label, rows, most) => {
  const pitch = 44;
  return drawn(label, rows.length * pitch + 4, width => {
    const top = Math.max(most || 0, ...rows.map(row => row.parts.reduce((sum, part) => sum + part.value, 0)), 1);
    return rows.map((row, place) => {
      const y = place * pitch;
      let x = 0;
      return s('g', null,
        txt(0, y + 14, row.label, { class: 'strong' }),
        txt(width, y + 14, row.end, { 'text-anchor': 'end', class: 'strong' }),
        s('rect', { x: 0, y: y + 21, width, height: 12, rx: 3, fill: 'var(--faint)' }),
        row.parts.filter(part => part.value > 0).map(part => {
          const length = Math.max(1.5, part.value / top * width);
          const bar = s('rect', { x, y: y + 21, width: Math.min(length, width - x), height: 12, rx: 2, fill: part.colour }, title(part.label));
          x += length;
          return bar;
        }));
    });
  });
};

// Columns around zero: {label, value, title, colour?}.
const columns = (label, list, format, height) => drawn(label, height || 190, (width, tall) => {
  const left = 72, bottom = 22, top = 8;
  const values = list.map(each => each.value);
  const [low, high] = [Math.min(0, ...values), Math.max(0, ...values)];
  const y = value => top + (high - value) / (high - low || 1) * (tall - top - bottom);
  const pitch = (width - left - 4) / list.length;
  const every = Math.max(1, Math.ceil(62 / pitch));
  return [
    ticks(low, high, 4).map(at => [
      s('line', { x1: left, x2: width, y1: y(at), y2: y(at), stroke: 'var(--line)', 'stroke-width': 1 }),
      txt(left - 8, y(at) + 4, format(at), { 'text-anchor': 'end' })]),
    list.map((each, place) => s('rect', {
      x: left + place * pitch + Math.min(1, pitch * .1), width: Math.max(.8, pitch - Math.min(2, pitch * .2)),
      y: Math.min(y(0), y(each.value)), height: Math.max(each.value === 0 ? 0 : 1, Math.abs(y(each.value) - y(0))),
      rx: pitch > 8 ? 2 : 0, fill: each.colour || (each.value < 0 ? 'var(--down)' : 'var(--up)') }, title(each.title))),
    s('line', { x1: left, x2: width, y1: y(0), y2: y(0), stroke: 'var(--soft)', 'stroke-width': 1 }),
    list.map((each, place) => place % every === 0 && left + (place + .5) * pitch < width - 24
      ? txt(left + (place + .5) * pitch, tall - 5, each.label, { 'text-anchor': 'middle' }) : null),
  ];
});

// Intervals on 0 to 1: {label, mean, low, high, colour, end, title}; a row without `mean` is a heading.
const intervals = (label, rows) => {
  const tall = row => row.mean === undefined ? 30 : 26;
  return drawn(label, rows.reduce((sum, row) => sum + tall(row), 26), width => {
    const narrow = width < 560;
    const left = narrow ? 118 : 190, right = narrow ? 58 : 150;
    const x = value => left + value * (width - left - right);
    let y = 0;
    const end = rows.reduce((sum, row) => sum + tall(row), 0);
    return [
      [0, .25, .5, .75, 1].map(at => [
        s('line', { x1: x(at), x2: x(at), y1: 0, y2: end, stroke: at === .5 ? 'var(--soft)' : 'var(--line)', 'stroke-dasharray': at === .5 ? '3 3' : null }),
        txt(x(at), end + 16, number({ style: 'percent' }, at), { 'text-anchor': 'middle' })]),
      rows.map(row => {
        y += tall(row);
        if (row.mean === undefined) return txt(0, y - 8, row.label, { class: 'strong', 'font-weight': 600 });
        const middle = y - 13;
        return s('g', null, title(row.title),
          s('rect', { x: 0, y: y - 26, width, height: 26, fill: 'transparent' }),
          txt(0, middle + 4, row.label),
          s('line', { x1: x(row.low), x2: x(row.high), y1: middle, y2: middle, stroke: row.colour, 'stroke-width': 3, 'stroke-linecap': 'round', opacity: .45 }),
          s('circle', { cx: x(row.mean), cy: middle, r: 4.5, fill: row.colour, stroke: 'var(--card)', 'stroke-width': 1.5 }),
          txt(width, middle + 4, narrow ? row.short : row.end, { 'text-anchor': 'end', class: 'strong' }));
      }),
    ];
  });
};

// Shares that came over shares that were claimed, with their intervals: {claimed, won, low, high, trades, colour, title}.
const reliabilityDiagram = (label, list, all, across, up) => drawn(label, width => Math.min(width, 340), (width, tall) => {
  const left = 46, bottom = 36, top = 8;
  const side = Math.min(width - left - 8, tall - top - bottom);
  const x = value => left + value * side, y = value => top + (1 - value) * side;
  const axis = [0, .25, .5, .75, 1];
  return [
    axis.map(at => [
      s('line', { x1: x(0), x2: x(1), y1: y(at), y2: y(at), stroke: 'var(--line)' }), s('line', { x1: x(at), x2: x(at), y1: y(0), y2: y(1), stroke: 'var(--line)' }),
      txt(left - 6, y(at) + 4, number({ style: 'percent' }, at), { 'text-anchor': 'end' }), txt(x(at), y(0) + 15, number({ style: 'percent' }, at), { 'text-anchor': 'middle' })]),
    txt(x(.5), y(0) + 31, across, { 'text-anchor': 'middle', class: 'strong' }), txt(x(0) + 5, y(1) + 13, up, { class: 'strong' }),
    s('line', { x1: x(0), x2: x(1), y1: y(0), y2: y(1), stroke: 'var(--soft)', 'stroke-dasharray': '4 4' }),
    list.map(each => s('g', null, title(each.title),
      s('line', { x1: x(each.claimed), x2: x(each.claimed), y1: y(each.low), y2: y(each.high), stroke: each.colour, 'stroke-width': 2.5, 'stroke-linecap': 'round', opacity: .45 }),
      s('circle', { cx: x(each.claimed), cy: y(each.won), r: 3 + 5 * Math.sqrt(each.trades / all), fill: each.colour, stroke: 'var(--card)', 'stroke-width': 1.5 })))];
});

// Points over their order: {x label, value, title, colour}; `lines` are {value, label}.
const dots = (label, list, low, high, lines, format) => drawn(label, 210, (width, tall) => {
  const left = 46, bottom = 22, top = 10;
  const y = value => top + (high - value) / (high - low) * (tall - top - bottom);
  const x = place => left + 8 + (list.length === 1 ? .5 : place / (list.length - 1)) * (width - left - 18);
  return [
    ticks(low, high, 4).map(at => [
      s('line', { x1: left, x2: width, y1: y(at), y2: y(at), stroke: 'var(--line)' }),
      txt(left - 8, y(at) + 4, format(at), { 'text-anchor': 'end' })]),
    lines.map(line => [
      s('line', { x1: left, x2: width, y1: y(line.value), y2: y(line.value), stroke: 'var(--warn)', 'stroke-dasharray': '5 4' }),
      txt(width - 2, y(line.value) - 5, line.label, { 'text-anchor': 'end' })]),
    s('polyline', { points: list.map((each, place) => `${x(place).toFixed(1)},${y(each.value).toFixed(1)}`).join(' '), fill: 'none', stroke: 'var(--accent)', 'stroke-width': 1.2, opacity: .5 }),
    list.map((each, place) => s('circle', { cx: x(place).toFixed(1), cy: y(each.value).toFixed(1), r: list.length > 300 ? 1.8 : 3, fill: each.colour }, title(each.title))),
    txt(left, tall - 5, list[0].label), list.length > 1 ? txt(width, tall - 5, list[list.length - 1].label, { 'text-anchor': 'end' }) : null,
  ];
});
