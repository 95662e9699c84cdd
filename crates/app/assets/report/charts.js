// The two large charts: the result over time, and the market with what was done in it.

const charts = [];
const chartColours = () => ({
  layout: { background: { type: 'solid', color: colour('card') }, textColor: colour('soft'), panes: { separatorColor: colour('line'), separatorHoverColor: colour('line') } },
  grid: { vertLines: { color: colour('faint') }, horzLines: { color: colour('faint') } },
  rightPriceScale: { borderColor: colour('line') },
  timeScale: { borderColor: colour('line') },
  crosshair: { vertLine: { color: colour('soft'), labelBackgroundColor: colour('soft') }, horzLine: { color: colour('soft'), labelBackgroundColor: colour('soft') } },
});
const newChart = (box, options) => {
  const chart = LightweightCharts.createChart(box, {
    autoSize: true,
    layout: { attributionLogo: true, fontSize: 11, fontFamily: getComputedStyle(document.body).fontFamily, panes: { enableResize: false } },
    localization: { locale: locale(), timeFormatter: at => moment(at) },
    handleScroll: { mouseWheel: false, vertTouchDrag: false },
    handleScale: { mouseWheel: false },
    ...options,
    timeScale: { timeVisible: true, secondsVisible: false, minBarSpacing: .01, tickMarkFormatter: tickMark, ...(options || {}).timeScale },
  });
  chart.applyOptions(chartColours());
  // The page scrolls under the wheel; a chart takes it once it is chosen.
  box.addEventListener('focusin', () => chart.applyOptions({ handleScroll: { mouseWheel: true }, handleScale: { mouseWheel: true } }));
  box.addEventListener('focusout', () => chart.applyOptions({ handleScroll: { mouseWheel: false }, handleScale: { mouseWheel: false } }));
  box.addEventListener('pointerdown', () => box.focus({ preventScroll: true }));
  box.addEventListener('keydown', event => keys(chart, event));
  charts.push(chart);
  return chart;
};
const tickMark = (at, type) => type === 0 ? date({ year: 'numeric' }, at)
  : type === 1 ? date({ month: 'short', year: '2-digit' }, at)
  : type === 2 ? date({ day: '2-digit', month: 'short' }, at)
  : date({ hour: '2-digit', minute: '2-digit' }, at);

// Arrows move, plus and minus zoom, Home shows all.
const keys = (chart, event) => {
  const scale = chart.timeScale();
  const range = scale.getVisibleLogicalRange();
  if (!range || event.ctrlKey || event.metaKey || event.altKey) return;
  const width = range.to - range.from;
  const to = (from, until) => scale.setVisibleLogicalRange({ from, to: until });
  if (event.key === 'ArrowLeft') to(range.from - width / 8, range.to - width / 8);
  else if (event.key === 'ArrowRight') to(range.from + width / 8, range.to + width / 8);
  else if (event.key === '+' || event.key === '=') to(range.from + width / 5, range.to - width / 5);
  else if (event.key === '-') to(range.from - width / 3, range.to + width / 3);
  else if (event.key === 'Home') scale.fitContent();
  else return;
  event.preventDefault();
};

const chartBox = (kind, label) => h('div', { class: 'chart ' + kind, tabindex: '0', role: 'application', 'aria-label': label + ' ' + t('chart.keys') });

// A curve's points as the chart wants them: one an instant, in order, the last where several share one.
const unpacked = curve => {
  const points = [];
  let at = 0;
  curve.t.forEach((step, place) => {
    at += step;
    const point = { at, net: curve.net[place], drawdown: curve.drawdown[place] };
    if (points.length && at <= points[points.length - 1].at) points[points.length - 1] = { ...point, at: points[points.length - 1].at };
    else points.push(point);
  });
  const { first, last, day: only } = run.run;
  // The run began at its capital, and ended with what the last trade left.
  if (points.length && only === null && first !== null && first < points[0].at) points.unshift({ at: first, net: 0, drawdown: 0 });
  if (points.length && only === null && last !== null && last > points[points.length - 1].at) points.push({ ...points[points.length - 1], at: last });
  return points;
};
const gatePoints = unpacked(run.gate_curve);
const level4Points = run.level4_curve ? unpacked(run.level4_curve) : [];

const equityChart = (box, readout) => {
  const amounts = { type: 'custom', minMove: .01, formatter: units => roundMoney(Math.round(units * 100)) };
  const chart = newChart(box, { rightPriceScale: { minimumWidth: 76 }, timeScale: { tickMarkFormatter: (at, type) => tickMark(at, Math.min(type, 2)) } });
  const plain = { lineWidth: 2, priceLineVisible: false, lastValueVisible: false, lineType: 1, priceFormat: amounts, crosshairMarkerRadius: 3 };
  const { AreaSeries, LineSeries } = LightweightCharts;
  const capital = run.run.capital;
  const equity = points => points.map(p => ({ time: p.at, value: (capital + p.net) / 100 }));
  const falls = points => points.map(p => ({ time: p.at, value: -p.drawdown / 100 }));
  const other = level4Points.length ? [chart.addSeries(LineSeries, plain, 0), chart.addSeries(LineSeries, { ...plain, lineWidth: 1 }, 1)] : [];
  const gate = [chart.addSeries(AreaSeries, { ...plain, relativeGradient: true }, 0), chart.addSeries(AreaSeries, { ...plain, invertFilledArea: true }, 1)];
  gate[0].setData(equity(gatePoints)); gate[1].setData(falls(gatePoints));
  if (other.length) { other[0].setData(equity(level4Points)); other[1].setData(falls(level4Points)); }
  gate[0].createPriceLine({ price: capital / 100, color: colour('soft'), lineWidth: 1, lineStyle: 2, axisLabelVisible: false, title: '' });
  chart.panes()[0].setStretchFactor(7); chart.panes()[1].setStretchFactor(3);
  const paintSeries = () => {
    const [accent, down, soft] = [colour('accent'), colour('down'), colour('other')];
    gate[0].applyOptions({ lineColor: accent, topColor: accent + '2e', bottomColor: accent + '05' });
    gate[1].applyOptions({ lineColor: down, topColor: down + '08', bottomColor: down + '3d', lineWidth: 1 });
    other.forEach(series => series.applyOptions({ color: soft }));
  };
  paintSeries();
  chart.recolour = paintSeries;
  chart.timeScale().fitContent();

  const at = (points, time) => {
    let low = 0, high = points.length;
    while (low < high) { const middle = (low + high) >> 1; if (points[middle].at <= time) low = middle + 1; else high = middle; }
    return points[low - 1];
  };
  const tell = time => {
    const [mine, its] = [gatePoints, level4Points].map(points => time === undefined ? points[points.length - 1] : at(points, time));
    const line = (name, kind, point) => point ? h('span', null, h('i', { style: `background:var(--${kind})` }), name + ' ',
      h('b', null, money(capital + point.net)), ' ', t('equity.fall', { amount: money(point.drawdown) })) : null;
    readout.replaceChildren(...[
      h('span', null, mine || its ? moment(time === undefined ? Math.max(...[mine, its].filter(Boolean).map(p => p.at)) : time) : ''),
      line(t('gate'), 'accent', mine), line('Level 4', 'other', its)].filter(Boolean));
  };
  tell();
  chart.subscribeCrosshairMove(event => tell(event.time));
  return chart;
};

// Candles from their packing.
const candles = (() => {
  if (run.market.state !== 'drawn') return [];
  const { t: times, o, c, h: highs, l: lows, v, step } = run.market;
  const scale = 10 ** run.run.digits;
  let time = 0, close = 0;
  return times.map((each, place) => {
    time = place === 0 ? each : time + each * step;
    const open = close + o[place];
    close = open + c[place];
    return { time, open: open / scale, high: (Math.max(open, close) + highs[place]) / scale, low: (Math.min(open, close) - lows[place]) / scale, close: close / scale, volume: v.length ? v[place] : 0 };
  });
})();
// The place of the candle that an instant lies in.
const candleAt = time => {
  let low = 0, high = candles.length;
  while (low < high) { const middle = (low + high) >> 1; if (candles[middle].time <= time) low = middle + 1; else high = middle; }
  return Math.max(0, low - 1);
};

const trades = run.trades.rows.map(([id, decision, opened, held, sell, base, extra, entry, moved, cause, action, regime, gross, costs]) => ({
  id, decision, opened, closed: opened + held, held, sell: sell === 1, base, extra, entry, exit: entry + moved,
  cause: run.words.causes[cause], action: run.words.actions[action], regime: run.words.regimes[regime], gross, costs, net: gross - costs,
}));
const scalps = run.scalps.rows.map(([trade, closed, held, end, sell, contracts, entry, moved, gross, net, unresolved]) => ({
  trade, closed, opened: closed - held, held, kind: run.words.scalps[end], sell: sell === 1, contracts, entry, exit: entry + moved, gross, net, unresolved: unresolved === 1,
}));

// Trades and scalps on the candles: from entry to exit, an arrow where it was entered, a ring where it was left, a
// diamond where a scalp ended. Far out there is room for the lines alone.
class Marks {
  constructor(box) { this.box = box; this.view = { renderer: () => this, zOrder: () => 'top' }; }
  attached({ chart, series }) { this.chart = chart; this.series = series; }
  detached() { this.chart = null; }
  updateAllViews() {}
  paneViews() { return [this.view]; }
  // Where an instant is: within its candle as far as time has come in it.
  x(time) {
    const place = candleAt(time), scale = this.chart.timeScale();
    const part = Math.min(1, Math.max(0, (time - candles[place].time) / run.market.seconds)) - .5;
    return scale.logicalToCoordinate(place) + part * scale.options().barSpacing;
  }
  draw(target) {
    target.useMediaCoordinateSpace(({ context: pen, mediaSize }) => {
      const range = this.chart && this.chart.timeScale().getVisibleLogicalRange();
      if (!range) return;
      const from = Math.max(0, Math.floor(range.from) - 1), to = Math.min(candles.length - 1, Math.ceil(range.to) + 1);
      if (from > to) return;
      const [first, last] = [candles[from].time, candles[to].time + run.market.seconds];
      const seen = each => each.closed >= first && each.opened <= last;
      const shown = trades.filter(seen), ended = scalps.filter(seen);
      const rich = shown.length <= mediaSize.width / 9;
      const [up, down, buy, violet, ground] = ['up', 'down', 'accent', 'scalp', 'card'].map(colour);
      const y = units => this.series.priceToCoordinate(units / 10 ** run.run.digits);
      pen.lineCap = 'round';
      for (const trade of shown) {
        const [x1, y1, x2, y2] = [this.x(trade.opened), y(trade.entry), this.x(trade.closed), y(trade.exit)];
        const tint = trade.net > 0 ? up : down;
        pen.strokeStyle = tint; pen.lineWidth = rich ? 2 : 1.2;
        pen.beginPath(); pen.moveTo(x1, y1); pen.lineTo(x2, y2); pen.stroke();
        if (!rich) continue;
        const way = trade.sell ? -1 : 1;
        pen.fillStyle = buy; pen.strokeStyle = ground; pen.lineWidth = 1.2;
        pen.beginPath(); pen.moveTo(x1, y1 + way * 2); pen.lineTo(x1 - 5.5, y1 + way * 12); pen.lineTo(x1 + 5.5, y1 + way * 12); pen.closePath(); pen.fill(); pen.stroke();
        pen.fillStyle = ground; pen.strokeStyle = tint; pen.lineWidth = 2;
        pen.beginPath(); pen.arc(x2, y2, 3.4, 0, 7); pen.fill(); pen.stroke();
      }
      for (const scalp of ended) {
        const [x, at, size] = [this.x(scalp.closed), y(scalp.exit), rich ? 5.5 : 3];
        pen.fillStyle = violet; pen.strokeStyle = ground; pen.lineWidth = 1.2;
        pen.beginPath(); pen.moveTo(x, at - size); pen.lineTo(x + size, at); pen.lineTo(x, at + size); pen.lineTo(x - size, at); pen.closePath(); pen.fill(); pen.stroke();
      }
      this.box.dataset.trades = shown.length;
      this.box.dataset.scalps = ended.length;
    });
  }
}

let showTrade = null;
const candleChart = (box, readout) => {
  const chart = newChart(box, { rightPriceScale: { minimumWidth: 76, scaleMargins: { top: .08, bottom: .16 } }, timeScale: { rightOffset: 2 } });
  const digits = run.run.digits;
  const series = chart.addSeries(LightweightCharts.CandlestickSeries, {
    priceFormat: { type: 'custom', minMove: 10 ** -digits, formatter: value => decimals(value, digits) }, priceLineVisible: false, borderVisible: false });
  const volumes = candles.some(each => each.volume > 0) ? chart.addSeries(LightweightCharts.HistogramSeries, {
    priceScaleId: '', priceLineVisible: false, lastValueVisible: false, priceFormat: { type: 'volume' } }) : null;
  if (volumes) {
    volumes.priceScale().applyOptions({ scaleMargins: { top: .87, bottom: 0 } });
    volumes.setData(candles.map(each => ({ time: each.time, value: each.volume })));
  }
  series.setData(candles);
  series.attachPrimitive(new Marks(box));
  const paintSeries = () => {
    const [up, down] = [colour('up'), colour('down')];
    series.applyOptions({ upColor: up, downColor: down, wickUpColor: up, wickDownColor: down });
    if (volumes) volumes.applyOptions({ color: colour('other') + '59' });
  };
  paintSeries();
  chart.recolour = paintSeries;
  const last = candles.length - 1;
  const show = (from, to) => chart.timeScale().setVisibleLogicalRange({ from: from - .5, to: to + 1.5 });
  chart.latest = length => {
    const from = Math.min(candleAt(candles[last].time - length), Math.max(0, last - 8));
    show(from, last);
  };
  chart.all = () => show(0, last);
  const first = Math.max(40, Math.round(box.clientWidth / 6.5));
  // The newest trade is in sight.
  const end = trades.length ? Math.min(last, Math.max(first, candleAt(trades[trades.length - 1].closed) + Math.round(first / 8))) : last;
  if (last > first * 1.4) show(end - first, end); else chart.all();

  const about = (candle, time) => {
    const parts = [h('b', null, moment(candle.time)), ` \u00a0 ${t('candle.o')} ${decimals(candle.open, digits)} \u00a0${t('candle.h')} ${decimals(candle.high, digits)} \u00a0${t('candle.l')} ${decimals(candle.low, digits)} \u00a0${t('candle.c')} `, h('b', { class: tone(candle.close - candle.open) }, decimals(candle.close, digits))];
    if (candle.volume) parts.push(` \u00a0${t('candle.v')} ${count(candle.volume)}`);
    const until = candle.time + run.market.seconds;
    const here = trades.filter(each => each.closed >= time && each.opened < until);
    if (here.length) {
      const each = here[here.length - 1];
      parts.push(h('br'), `${t('trade.word', { id: each.id })}: ${t(each.sell ? 'side.sell' : 'side.buy')} ${each.base}${each.extra ? ' + ' + each.extra : ''} \u00b7 ${price(each.entry)} \u2192 ${price(each.exit)} \u00b7 ${said('cause', each.cause)} \u00b7 `, h('b', { class: tone(each.net) }, signedMoney(each.net)));
      if (here.length > 1) parts.push(' ' + t('trade.others', { n: count(here.length - 1) }));
    }
    return parts;
  };
  const tell = time => {
    const candle = time === undefined ? candles[last] : candles[candleAt(time)];
    readout.replaceChildren(...about(candle, candle.time));
  };
  tell();
  chart.subscribeCrosshairMove(event => tell(event.time));
  showTrade = trade => {
    const [from, to] = [candleAt(trade.opened), candleAt(trade.closed)];
    const around = Math.max(30, (to - from) * 1.5);
    show(from - around, to + around);
    tell(candles[to].time);
    box.scrollIntoView({ block: 'center' });
    box.focus({ preventScroll: true });
  };
  return chart;
};

const forgetCharts = () => { for (const chart of charts.splice(0)) chart.remove(); showTrade = null; };
const recolourCharts = () => { for (const chart of charts) { chart.applyOptions(chartColours()); chart.recolour(); } };
