// The page's parts, in their order. Each gives its elements, or null where there is nothing to tell.

const gate = run.gate, level4 = run.level4;
const regimes = run.words.regimes, actions = run.words.actions;
const actionColour = place => `var(--a${place})`;
const section = (id, lead, ...children) => h('section', { id, 'aria-labelledby': id + '-h' },
  h('div', { class: 'head' }, h('h2', { id: id + '-h' }, t(id + '.title'))), lead ? h('p', { class: 'lead' }, lead) : null, children);
const empty = text => h('p', { class: 'empty' }, text);
const legend = list => h('div', { class: 'legend' }, list.map(([colour, text]) => h('span', null, h('i', { class: 'box', style: `background:${colour}` }), text)));
const newestOf = listed => listed.total > listed.rows.length
  ? h('p', { class: 'more' }, t('list.newest', { shown: count(listed.rows.length), total: count(listed.total) })) : null;
const fold = (text, ...children) => h('details', null, h('summary', null, text), children);

const spanText = () => {
  const { first, last, day: only } = run.run;
  if (only !== null) return t('head.day', { day: day(only * 86400) });
  return first === null || last === null ? '' : t('head.span', { first: day(first), last: day(last) });
};

const headPart = () => {
  const source = run.source;
  const chips = [source && source.synthetic ? h('span', { class: 'chip warn' }, t('head.synthetic')) : null];
  const sub = [spanText(), source ? source.name : null, t('head.zone', { zone: run.run.zone })].filter(Boolean).join(' \u00b7 ');
  document.title = `${run.run.symbol} \u00b7 ${signedMoney(gate.net)} \u00b7 Alavanca`;
  return [
    h('div', { class: 'bar' },
      h('div', { class: 'brand' }, mark(), 'Alavanca'), h('span', { class: 'soft' }, t('head.report')), h('span', { class: 'grow' }),
      h('div', { class: 'tools bar' },
        h('div', { class: 'group', role: 'group', 'aria-label': t('tool.language') }, languages.map(each => h('button', {
          type: 'button', lang: each, id: 'language-' + each, 'aria-pressed': String(view.language === each), title: each === 'en' ? 'English' : 'Portugu\u00eas',
          onclick: () => speak(each) }, each === 'en' ? 'EN' : 'PT'))),
        h('button', { type: 'button', id: 'theme', 'aria-pressed': String(view.theme === 'dark'), onclick: () => dress(view.theme === 'dark' ? 'light' : 'dark') }, t('tool.dark')))),
    h('div', { class: 'title' },
      h('div', null, h('h1', null, run.run.symbol, chips), h('div', { class: 'sub' }, sub)),
      h('div', { class: 'result' }, h('span', null, t('head.net')), h('b', { class: tone(gate.net), id: 'net' }, signedMoney(gate.net)),
        h('span', null, t('head.return', { percent: number({ style: 'percent', minimumFractionDigits: 1, maximumFractionDigits: 1, signDisplay: 'exceptZero' }, run.run.capital ? gate.net / run.run.capital : 0), capital: roundMoney(run.run.capital) }))))];
};
const mark = () => s('svg', { width: 22, height: 22, viewBox: '0 0 22 22', 'aria-hidden': 'true' },
  s('path', { d: 'M2 15.5 20 6.5', stroke: 'var(--accent)', 'stroke-width': 2.6, 'stroke-linecap': 'round' }),
  s('path', { d: 'M8 20 11.2 13.6 14.4 20Z', fill: 'var(--text)' }), s('circle', { cx: 18.4, cy: 4.4, r: 2.4, fill: 'var(--accent)' }));

const kpiPart = () => {
  const kpi = (name, value, beside, kind) => h('div', { class: 'kpi' }, h('span', null, t(name)), h('b', { class: kind }, value), h('small', null, beside === undefined ? '\u00a0' : beside));
  const other = text => level4 ? 'Level 4: ' + text : undefined;
  return h('div', { class: 'kpis' },
    kpi('figure.trades', count(gate.trades), level4 && other(count(level4.trades))),
    kpi('figure.win_rate', percent(gate.win_rate), level4 && other(percent(level4.win_rate))),
    kpi('figure.profit_factor', decimals(gate.profit_factor, 2), level4 && other(decimals(level4.profit_factor, 2))),
    kpi('figure.max_drawdown', money(gate.max_drawdown), level4 && other(money(level4.max_drawdown))),
    kpi('figure.sharpe', decimals(gate.sharpe_per_day, 3), level4 && other(decimals(level4.sharpe_per_day, 3))),
    kpi('figure.costs', money(gate.costs), level4 && other(money(level4.costs))));
};

const notesPart = () => run.notes.length ? h('div', { id: 'notes' }, run.notes.map(note => h('p', { class: 'note', lang: 'en' }, note))) : null;

const equityPart = () => {
  if (!gatePoints.length && !level4Points.length) return section('equity', null, empty(t('equity.none')));
  const readout = h('div', { class: 'legend', id: 'equity-read' });
  const box = chartBox('equity', t('equity.title'));
  later.push(() => equityChart(box, readout));
  return section('equity', t('equity.lead', { capital: money(run.run.capital) }), readout, box);
};

const candlesPart = () => {
  if (!candles.length) return section('market', null, empty(t('market.' + run.market.state, { name: run.source ? run.source.name : '' })));
  const readout = h('div', { class: 'readout', id: 'market-read' });
  const box = chartBox('candles', t('market.title'));
  let chart;
  later.push(() => { chart = candleChart(box, readout); });
  const length = candles[candles.length - 1].time - candles[0].time;
  const range = (key, seconds) => length > seconds * 1.2 ? h('button', { type: 'button', onclick: () => chart.latest(seconds) }, t(key)) : null;
  const joined = run.market.seconds !== run.market.source_seconds;
  const lead = t(joined ? 'market.joined' : 'market.plain', { frame: frame(run.market.seconds), rows: count(run.market.rows), candles: count(candles.length) });
  const part = section('market', lead, readout, box,
    legend([['var(--accent)', t('market.entry')], ['var(--up)', t('market.won')], ['var(--down)', t('market.lost')], ['var(--scalp)', t('market.scalp')]]));
  part.querySelector('.head').append(h('div', { class: 'tools group', role: 'group', 'aria-label': t('market.range') },
    h('button', { type: 'button', onclick: () => chart.all() }, t('range.all')), range('range.month', 30 * 86400), range('range.week', 7 * 86400), range('range.day', 86400)));
  return part;
};

const tradesPart = () => {
  if (!trades.length) return section('trades', null, empty(t('trades.none')));
  const state = { filter: 'all', shown: 20 };
  const place = h('div', null);
  const kept = { all: () => true, won: each => each.net > 0, lost: each => each.net <= 0, extra: each => each.extra > 0 };
  const fill = () => {
    const list = trades.filter(kept[state.filter]).reverse();
    const heads = [t('trade.number'), t('trade.opened'), t('trade.side'), n(t('trade.size')), n(t('trade.entry')), n(t('trade.exit')), n(t('trade.held')), t('trade.cause'), t('trade.action'), t('trade.regime'), n(t('trade.costs')), n(t('trade.net'))];
    place.replaceChildren(table(t('trades.title'), heads, list.slice(0, state.shown).map(each => [
      h('th', { scope: 'row' }, candles.length ? h('button', { type: 'button', class: 'link', title: t('trade.show'), onclick: () => showTrade(each) }, String(each.id)) : String(each.id)),
      h('td', { class: 't num' }, moment(each.opened)), t(each.sell ? 'side.sell' : 'side.buy'),
      cell(each.extra ? `${each.base} + ${each.extra}` : String(each.base)), cell(price(each.entry)), cell(price(each.exit)), cell(span(each.held)),
      h('td', { class: 't' }, said('cause', each.cause)), h('td', { class: 't' }, said('action', each.action)), h('td', { class: 't' }, said('regime', each.regime)), cell(money(each.costs)), amount(each.net)])),
    h('div', { class: 'more' }, t('trades.shown', { shown: count(Math.min(state.shown, list.length)), total: count(list.length) }),
      state.shown < list.length ? h('button', { type: 'button', onclick: () => { state.shown += 100; fill(); } }, t('trades.more')) : null));
  };
  fill();
  const part = section('trades', null, place, newestOf(run.trades));
  part.classList.add('long');
  const filter = h('select', { class: 'tools', 'aria-label': t('trades.filter'), onchange: event => { state.filter = event.target.value; state.shown = 20; fill(); } },
    Object.keys(kept).map(each => h('option', { value: each }, t('trades.' + each))));
  part.querySelector('.head').append(filter);
  return part;
};

const daysPart = () => {
  const list = run.days.filter(([, net]) => net !== null);
  if (list.length < 2 && run.hours.length === 0) return null;
  const daily = list.length <= 140;
  const groups = new Map();
  for (const [number, net, other] of list) {
    const at = new Date(number * 86400000);
    const key = daily ? number : Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), 1) / 86400000;
    const group = groups.get(key) || { net: 0, other: null };
    group.net += net;
    if (other !== null) group.other = (group.other || 0) + other;
    groups.set(key, group);
  }
  const columnsOf = [...groups].map(([number, group]) => {
    const name = daily ? day(number * 86400) : date({ month: 'long', year: 'numeric' }, number * 86400);
    return {
      label: daily ? date({ day: '2-digit', month: '2-digit' }, number * 86400) : date({ month: 'short', year: '2-digit' }, number * 86400), value: group.net,
      title: `${name}: ${signedMoney(group.net)}` + (group.other === null ? '' : ` (Level 4: ${signedMoney(group.other)})`),
    };
  });
  const won = list.filter(([, net]) => net > 0).length;
  const nets = list.map(([, net]) => net);
  return section('days', list.length > 1 ? t('days.lead', { days: count(list.length), won: count(won), lost: count(nets.filter(net => net < 0).length), best: signedMoney(Math.max(...nets)), worst: signedMoney(Math.min(...nets)) }) : null,
    list.length > 1 ? [h('h3', null, t(daily ? 'days.daily' : 'days.monthly')), columns(t('days.title'), columnsOf, roundMoney)] : null,
    run.hours.length ? [h('h3', null, t('days.hours')), columns(t('days.hours'), run.hours.map(([hour, number, wins, net]) => ({
      label: String(hour).padStart(2, '0') + 'h', value: net,
      title: `${String(hour).padStart(2, '0')}:00: ${signedMoney(net)}, ${t('cell.trades', { n: count(number), wins: percent(wins / number) })}` })), roundMoney, 160)] : null);
};

const decisionsPart = () => {
  const by = Object.entries(gate.decisions_by_regime);
  if (!by.length) return section('decisions', null, empty(t('decisions.none')));
  const order = regimes.filter(regime => gate.decisions_by_regime[regime]);
  const result = (regime, action) => run.results.find(([r, a]) => regimes[r] === regime && actions[a] === action);
  const rows = order.map(regime => {
    const each = gate.decisions_by_regime[regime];
    const all = actions.reduce((sum, action) => sum + (each[action] || 0), 0);
    return { label: said('regime', regime), end: count(all), parts: actions.map((action, place) => ({ value: each[action] || 0, colour: actionColour(place), label: `${said('action', action)}: ${count(each[action] || 0)}` })) };
  });
  const counts = [...order.map(regime => [said('regime', regime), gate.decisions_by_regime[regime]]), [t('all'), gate.decisions_by_action]];
  const blocked = Object.entries(gate.blocked).sort((a, b) => b[1] - a[1]);
  return section('decisions', t('decisions.lead', { n: count(gate.decisions) }),
    legend(actions.map((action, place) => [actionColour(place), said('action', action)])), bars(t('decisions.title'), rows),
    table(t('decisions.title'), [t('regime'), ...actions.map(action => n(said('action', action))), n(t('all'))], counts.map(([name, each], place) =>
      h('tr', { class: place === counts.length - 1 ? 'total' : null }, h('th', { scope: 'row' }, name), actions.map(action => cell(each[action] ? count(each[action]) : '\u2013')), cell(count(actions.reduce((sum, action) => sum + (each[action] || 0), 0)))))),
    run.results.length ? [h('h3', null, t('decisions.results')), table(t('decisions.results'), [t('regime'), ...actions.slice(1).map(action => n(said('action', action)))],
      order.filter(regime => run.results.some(([r]) => regimes[r] === regime)).map(regime => [said('regime', regime), ...actions.slice(1).map(action => {
        const found = result(regime, action);
        return found ? h('td', { class: 'n' }, h('span', { class: tone(found[4]) }, signedMoney(found[4])), h('br'), h('small', { class: 'soft' }, t('cell.trades', { n: count(found[2]), wins: percent(found[3] / found[2]) }))) : cell('\u2013');
      })]))] : null,
    blocked.length ? [h('h3', null, t('decisions.blocked')), table(t('decisions.blocked'), [t('reason'), n(t('signals'))], blocked.map(([reason, number]) => [said('blocked', reason), cell(count(number))]))] : null);
};

const regimesPart = () => {
  const of = gate.regimes;
  if (!of || !of.bars) return section('regimes', null, empty(t('regimes.none')));
  const seen = regimes.filter(regime => of.by_regime[regime]), here = regime => of.by_regime[regime];
  const colours = ['var(--accent)', 'var(--other)'];
  const rows = seen.map(regime => ({ label: said('regime', regime), end: percent(here(regime).share), parts: [
    { value: here(regime).bars - here(regime).transition_bars, colour: colours[0], label: `${t('regimes.settled')}: ${count(here(regime).bars - here(regime).transition_bars)}` },
    { value: here(regime).transition_bars, colour: colours[1], label: `${t('regimes.transition')}: ${count(here(regime).transition_bars)}` }] }));
  const long = bars => bars === null ? '\u2013' : decimals(bars, 1);
  const into = regimes.filter(to => Object.values(of.matrix).some(ways => ways[to]));
  const way = (from, to) => {
    const found = of.matrix[from][to];
    if (!found) return cell('\u2013');
    const heat = `background:color-mix(in srgb, var(--accent) ${Math.round(found.probability * 45)}%, transparent)`;
    return h('td', { class: 'n', style: heat }, count(found.count), h('br'), h('small', null, percent(found.probability)));
  };
  return section('regimes', t('regimes.lead', { bars: count(of.bars), hours: count(Math.round(of.seconds / 3600)), changes: count(of.changes), share: percent(of.transition_share), trades: count(of.transition_trades) }),
    legend([[colours[0], t('regimes.settled')], [colours[1], t('regimes.transition')]]), bars(t('regimes.title'), rows, of.bars),
    table(t('regimes.title'), [t('regime'), n(t('regimes.bars')), n(t('regimes.share')), n(t('regimes.mean')), n(t('regimes.median')), n(t('figure.trades')), n(t('figure.win_rate')), n(t('trade.net'))],
      seen.map(regime => [said('regime', regime), cell(count(here(regime).bars)), cell(percent(here(regime).share)), cell(long(here(regime).mean_dwell_bars)), cell(long(here(regime).median_dwell_bars)),
        cell(count(here(regime).trades)), cell(here(regime).trades ? percent(here(regime).wins / here(regime).trades) : '\u2013'), amount(here(regime).net)])),
    into.length ? [h('h3', null, t('regimes.matrix')), table(t('regimes.matrix'), [t('regimes.from'), ...into.map(to => n(said('regime', to))), n(t('all'))],
      regimes.filter(from => of.matrix[from]).map(from => [said('regime', from), ...into.map(to => way(from, to)), cell(count(Object.values(of.matrix[from]).reduce((sum, found) => sum + found.count, 0)))]))] : null);
};

const confidencePart = () => {
  const of = run.confidence, part = x => x === null ? null : x / 1e4;
  if (!of.trades) return section('confidence', null, empty(t('confidence.none')));
  const weights = of.brains.length ? [h('h3', null, t('confidence.brains')), table(t('confidence.brains'),
    [t('confidence.brain'), n(t('figure.trades')), n(t('figure.win_rate')), n(t('confidence.factor')), n(t('confidence.shrunk')), n(t('confidence.weight'))],
    of.brains.map(([brain, regime, number, won, factor, shrunk, weight]) => h('tr', { class: regime === null ? 'strong' : null },
      h('th', { scope: 'row' }, regime === null ? brain : '\u00a0\u00a0' + said('regime', regimes[regime])), cell(decimals(number, 1)), cell(percent(part(won))), cell(decimals(factor, 2)), cell(percent(part(shrunk))), cell(decimals(weight, 2))))),
    h('p', { class: 'more' }, t('confidence.fading'))] : null;
  return section('confidence', t('confidence.lead', { trades: count(of.trades), claimed: percent(part(of.claimed)), won: percent(part(of.won)), brier: decimals(of.brier, 3), share: decimals(of.brier_of_share, 3), error: decimals(of.calibration_error / 100, 1) }),
    h('div', { class: 'two' },
      h('div', null, h('h3', null, t('confidence.diagram')), reliabilityDiagram(t('confidence.diagram'), of.bins.map(([number, claimed, won, low, high, holds]) => ({
        claimed: claimed / 1e4, won: won / 1e4, low: low / 1e4, high: high / 1e4, trades: number, colour: holds ? 'var(--accent)' : 'var(--down)',
        title: t('confidence.point', { claimed: percent(claimed / 1e4), won: percent(won / 1e4), low: percent(low / 1e4), high: percent(high / 1e4), n: count(number) }) })), of.trades, t('confidence.claimed'), t('figure.win_rate'))),
      h('div', null, h('h3', null, t('confidence.table')), table(t('confidence.table'), [n(t('confidence.claimed')), n(t('figure.trades')), n(t('figure.win_rate')), n('95 %'), ''],
        of.bins.map(([number, claimed, won, low, high, holds]) => [cell(percent(claimed / 1e4)), cell(count(number)), cell(percent(won / 1e4)), cell(`${percent(low / 1e4)}\u2013${percent(high / 1e4)}`), holds ? '' : t(claimed > high ? 'confidence.sure' : 'confidence.modest')])))),
    weights);
};

const posteriorsPart = () => {
  const { prior, regimes: list, states } = run.posteriors;
  if (!list.length) return section('posteriors', null, empty(t('posteriors.none')));
  const rows = [];
  for (const [place, regime] of regimes.entries()) {
    const here = list.filter(each => each[0] === place);
    if (here.length) rows.push({ label: said('regime', regime) });
    for (const [, action, alpha, beta, mean, low, high, number, seen] of here) rows.push({
      label: said('arm', actions[action]), mean, low, high, colour: actionColour(action), short: `n ${count(number)}`,
      end: `${percent(mean)} \u00b7 n ${count(number)}`,
      title: `${said('regime', regime)}, ${said('action', actions[action])}: ${percent(mean)} (${percent(low)}\u2013${percent(high)}), Beta(${decimals(alpha, 1)}; ${decimals(beta, 1)}), n ${count(number)}, ${t('posteriors.seen', { n: count(seen) })}` });
  }
  return section('posteriors', t('posteriors.lead', { alpha: decimals(prior[0], 1), beta: decimals(prior[1], 1) }), intervals(t('posteriors.title'), rows),
    fold(t('posteriors.states', { n: count(states.length) }), table(t('posteriors.title'),
      [t('regime'), t('state.hour'), t('state.confidence'), t('state.disagreement'), t('trade.action'), n('\u03b1'), n('\u03b2'), n(t('posteriors.mean')), n('90 %'), n('n')],
      states.map(([regime, hour, confidence, disagreement, action, alpha, beta, mean, low, high, number]) => [said('regime', regimes[regime]), String(hour).padStart(2, '0') + ':00', said('level', confidence), said('level', disagreement),
        said('action', actions[action]), cell(decimals(alpha, 1)), cell(decimals(beta, 1)), cell(percent(mean)), cell(`${percent(low)}\u2013${percent(high)}`), cell(count(number))]))));
};

const refusalsPart = () => {
  const { granted, taken, refused, refused_by_reason: first, failed_by_layer: any } = gate.extras;
  if (granted + refused === 0) return null;
  const { layers, reasons } = run.words;
  const rows = layers.map((layer, place) => {
    const [one, all] = [first[reasons[place]] || 0, any[layer] || 0];
    return { label: `${place + 1}. ${said('layer', layer)}`, end: t('refusals.end', { first: count(one), any: count(all) }),
      parts: [{ value: one, colour: 'var(--accent)', label: `${t('refusals.first')}: ${count(one)}` }, { value: Math.max(0, all - one), colour: 'var(--a0)', label: `${t('refusals.any')}: ${count(all)}` }] };
  });
  const rest = Object.entries(first).filter(([reason]) => !reasons.includes(reason));
  return section('refusals', t('refusals.lead', { granted: count(granted), taken: count(taken), refused: count(refused) }),
    legend([['var(--accent)', t('refusals.first')], ['var(--a0)', t('refusals.any')]]), bars(t('refusals.title'), rows, refused),
    rest.length ? [h('h3', null, t('refusals.rest')), table(t('refusals.rest'), [t('reason'), n(t('decisions.word'))], rest.map(([reason, number]) => [said('reason', reason), cell(count(number))]))] : null);
};

const endColours = { TP_HIT: 'var(--up)', SL_HIT: 'var(--down)', TIMEOUT: 'var(--a0)', FORCED: 'var(--warn)', HANDED_OVER: 'var(--scalp)' };
const scalpsPart = () => {
  const { opened, ends, win_rate: rate, net, mean_hold_seconds: mean, unresolved } = gate.scalps;
  if (!opened) return section('scalps', null, empty(t('scalps.none')));
  const kinds = run.words.scalps.filter(kind => ends[kind]);
  const most = Math.max(...run.holds.map(([seconds]) => seconds), 1);
  const bin = [5, 10, 15, 20, 30, 60, 120, 300, 600, 1800, 3600, 21600, 86400].find(each => most / each <= 24) || Math.ceil(most / 24);
  const bins = new Map();
  for (const [seconds, kind, number] of run.holds) {
    const key = Math.floor(seconds / bin);
    if (!bins.has(key)) bins.set(key, run.words.scalps.map(() => 0));
    bins.get(key)[kind] += number;
  }
  const last = Math.max(...bins.keys());
  return section('scalps', t('scalps.lead', { opened: count(opened), rate: percent(rate), net: signedMoney(net), mean: mean === null ? '\u2013' : span(Math.round(mean)) }),
    h('div', { class: 'two' },
      h('div', null, h('h3', null, t('scalps.ends')), bars(t('scalps.ends'), kinds.map(kind => ({ label: said('scalp', kind), end: count(ends[kind]), parts: [{ value: ends[kind], colour: endColours[kind], label: said('scalp', kind) }] })))),
      h('div', null, h('h3', null, t('scalps.holds')), histogram(bins, last, bin))),
    ends.PROTECTED ? h('p', { class: 'more' }, t('scalps.protected', { n: count(ends.PROTECTED) })) : null,
    unresolved ? h('p', { class: 'more' }, t('scalps.unresolved', { n: count(unresolved) })) : null,
    scalps.length ? fold(t('scalps.list', { n: count(scalps.length) }), table(t('scalps.title'),
      [t('trade.number'), t('scalps.ended'), t('trade.side'), n(t('trade.size')), n(t('trade.entry')), n(t('trade.exit')), n(t('trade.held')), t('trade.cause'), n(t('trade.net'))],
      [...scalps].reverse().slice(0, 200).map(each => [String(each.trade), h('td', { class: 't num' }, moment(each.closed)), t(each.sell ? 'side.sell' : 'side.buy'), cell(String(each.contracts)), cell(price(each.entry)), cell(price(each.exit)), cell(span(each.held)), said('scalp', each.kind), amount(each.net)])),
      scalps.length > 200 ? h('p', { class: 'more' }, t('list.newest', { shown: '200', total: count(run.scalps.total) })) : newestOf(run.scalps)) : null);
};
const histogram = (bins, last, bin) => drawn(t('scalps.holds'), 210, (width, tall) => {
  const left = 40, bottom = 22, top = 8;
  const high = Math.max(...[...bins.values()].map(each => each.reduce((sum, number) => sum + number, 0)));
  const y = value => top + (high - value) / high * (tall - top - bottom);
  const pitch = (width - left) / (last + 1);
  const every = Math.max(1, Math.ceil(54 / pitch));
  return [
    ticks(0, high, 4).filter(at => Number.isInteger(at)).map(at => [s('line', { x1: left, x2: width, y1: y(at), y2: y(at), stroke: 'var(--line)' }), txt(left - 8, y(at) + 4, count(at), { 'text-anchor': 'end' })]),
    [...bins].map(([key, counts]) => {
      let sum = 0;
      return counts.map((number, kind) => {
        if (!number) return null;
        sum += number;
        return s('rect', { x: left + key * pitch + 1, width: Math.max(1, pitch - 2), y: y(sum), height: y(sum - number) - y(sum), fill: endColours[run.words.scalps[kind]] },
          title(`${span(key * bin)}\u2013${span((key + 1) * bin)}, ${said('scalp', run.words.scalps[kind])}: ${count(number)}`));
      });
    }),
    Array.from({ length: last + 1 }, (_, key) => key % every === 0 && left + key * pitch < width - 30 ? txt(left + key * pitch, tall - 5, span(key * bin)) : null)];
});

const costsPart = () => {
  const { commission_base: base, commission_extra: extra, execution } = run.costs;
  const contracts = trades.length === run.trades.total ? trades.reduce((sum, each) => sum + each.base + each.extra, 0) : 0;
  const steps = [[t('costs.gross'), gate.gross, 'sum'], [t('costs.commission'), -(base + extra)], [t('costs.execution'), -execution], [t('costs.net'), gate.net, 'sum']];
  return section('costs', t('costs.lead'), waterfall(steps),
    table(t('costs.title'), ['', n(t('costs.amount')), n(t('costs.each'))], [
      ...[[t('costs.gross'), gate.gross], [t('costs.commission_base'), -base], [t('costs.commission_extra'), -extra], [t('costs.execution'), -execution]].map(([name, cents]) => [name, amount(cents), cell(gate.trades ? signedMoney(Math.round(cents / gate.trades)) : '\u2013')]),
      h('tr', { class: 'total' }, h('th', { scope: 'row' }, t('costs.net')), amount(gate.net), cell(gate.trades ? signedMoney(Math.round(gate.net / gate.trades)) : '\u2013'))]),
    contracts ? h('p', { class: 'more' }, t('costs.contract', { amount: money(Math.round(gate.costs / contracts)), n: count(contracts) })) : null);
};
const waterfall = steps => drawn(t('costs.title'), steps.length * 40 + 4, width => {
  let sum = 0;
  const spans = steps.map(([, cents, kind]) => { const from = kind ? 0 : sum; sum = kind ? cents : sum + cents; return [from, sum]; });
  const [low, high] = [Math.min(0, ...spans.flat()), Math.max(0, ...spans.flat())];
  const x = value => 2 + (value - low) / (high - low || 1) * (width - 4);
  return [steps.map(([name, cents, kind], place) => {
    const [from, to] = spans[place];
    return [txt(0, place * 40 + 13, name, { class: 'strong' }), txt(width, place * 40 + 13, signedMoney(cents), { 'text-anchor': 'end', class: 'strong' }),
      s('rect', { x: 0, y: place * 40 + 19, width, height: 12, rx: 3, fill: 'var(--faint)' }),
      s('rect', { x: Math.min(x(from), x(to)), width: Math.max(1.5, Math.abs(x(to) - x(from))), y: place * 40 + 19, height: 12, rx: 2, fill: cents < 0 ? 'var(--down)' : 'var(--up)', opacity: kind ? 1 : .65 }, title(signedMoney(cents)))];
  }), s('line', { x1: x(0), x2: x(0), y1: 16, y2: steps.length * 40, stroke: 'var(--soft)', 'stroke-dasharray': '2 3' })];
});

const level4Part = () => {
  if (!level4) return null;
  const rows = [
    ['figure.net', each => each.net, signedMoney, true, 1], ['figure.gross', each => each.gross, signedMoney, true, 1], ['figure.costs', each => each.costs, money, true, -1],
    ['figure.trades', each => each.trades, count], ['figure.win_rate', each => each.win_rate, percent, false, 1], ['figure.profit_factor', each => each.profit_factor, x => decimals(x, 2), false, 1],
    ['figure.max_drawdown', each => each.max_drawdown, money, true, -1], ['figure.sharpe', each => each.sharpe_per_day, x => decimals(x, 3), false, 1], ['figure.days', each => each.days, count],
    ['figure.orders', each => each.orders.sent, count], ['figure.fills', each => each.orders.fills, count], ['figure.rejected', each => each.orders.rejected, count]];
  return section('level4', t('level4.lead'), table(t('level4.title'), ['', n(t('gate')), n('Level 4'), n(t('level4.difference'))], rows.map(([name, of, format, isMoney, better]) => {
    const [mine, its] = [of(gate), of(level4)];
    const known = mine !== null && its !== null;
    const difference = known ? mine - its : null;
    const shown = !known ? '\u2013' : isMoney ? signedMoney(difference) : format === percent ? t('level4.points', { n: number({ maximumFractionDigits: 1, minimumFractionDigits: 1, signDisplay: 'exceptZero' }, difference * 100) })
      : number({ signDisplay: 'exceptZero', maximumFractionDigits: format === count ? 0 : 3 }, difference);
    return [t(name), cell(format(mine)), cell(format(its)), cell(shown, better && known ? tone(difference * better) : '')];
  })));
};

const riskText = each => {
  const known = dictionary[view.language]['risk.' + each.cause];
  const values = {};
  for (const name of ['net', 'limit', 'peak']) if (name in each) values[name] = each.cause === 'trades_per_day' ? count(each[name]) : money(each[name]);
  if ('n' in each) values.n = count(each.n);
  for (const name of ['trades', 'won']) if (name in each) values[name] = count(each[name]);
  if ('until_at' in each) values.until = moment(each.until_at);
  return known === undefined ? each.cause : t('risk.' + each.cause, values);
};
const riskPart = () => {
  if (!run.risk.rows.length) return section('risk', null, empty(t('risk.none')));
  const counts = Object.entries(gate.risk).sort((a, b) => b[1] - a[1]);
  const list = [...run.risk.rows].reverse();
  return section('risk', t('risk.lead', { n: count(run.risk.total) }),
    table(t('risk.title'), [t('reason'), n(t('times'))], counts.map(([cause, number]) => [said('limit', cause), cell(count(number))])),
    fold(t('risk.list', { n: count(Math.min(200, list.length)) }), table(t('risk.title'), [t('when'), t('risk.from'), t('risk.to'), t('reason')], list.slice(0, 200).map(each => [
      h('td', { class: 't num' }, moment(each.at)), said('state', each.from), said('state', each.to), h('td', { class: 'wrap' }, riskText(each) + (each.flatten ? ' ' + t('risk.flatten') : ''))])),
      run.risk.total > 200 ? h('p', { class: 'more' }, t('list.newest', { shown: '200', total: count(run.risk.total) })) : null));
};

const learningPart = () => {
  const l = gate.learning, list = run.batches.rows;
  if (!list.length && !run.policy_events.rows.length) return section('learning', null, empty(t('learning.none')));
  const setting = key => { const line = run.settings.find(each => each.key === key); return line ? Number(line.value) : NaN; };
  const floor = setting('RL_ROLLBACK_REWARD');
  const facts = [['learning.learned', l.learned], ['learning.frozen', l.skipped_frozen], ['learning.transition', l.skipped_transition], ['learning.batches', l.batches], ['learning.snapshots', l.snapshots], ['learning.rollbacks', l.rollbacks], ['learning.freezes', l.freezes], ['learning.thaws', l.thaws]];
  const tell = event => event.kind === 'rolled_back' ? t('policy.rolled_back_by', { average: decimals(event.average / 1e6, 3) })
    : event.kind === 'frozen' && event.window !== null && event.window !== undefined && event.baseline !== null ? t('policy.frozen_by', { window: decimals(event.window / 1e6, 3), baseline: decimals(event.baseline / 1e6, 3) })
    : said('policy', event.kind);
  return section('learning', l.mean_reward === null ? null : t('learning.lead', { reward: decimals(l.mean_reward, 3) }),
    list.length ? [h('h3', null, t('learning.rewards')), dots(t('learning.rewards'), list.map(([at, number, applied, sum]) => ({
      label: day(at), value: sum / number / 1e6, colour: sum / number / 1e6 < floor ? 'var(--down)' : 'var(--accent)',
      title: `${moment(at)}: ${decimals(sum / number / 1e6, 3)}, ${t('learning.batch', { n: count(number), applied: count(applied) })}` })),
      Math.min(.2, ...list.map(([, number, , sum]) => sum / number / 1e6)), Math.max(.8, ...list.map(([, number, , sum]) => sum / number / 1e6)), Number.isFinite(floor) ? [{ value: floor, label: t('learning.floor') }] : [], x => decimals(x, 1))] : null,
    h('div', { class: 'two' }, [facts.slice(0, 4), facts.slice(4)].map(half => table(t('learning.title'), null, half.map(([name, number]) => [t(name), cell(count(number))])))),
    run.policy_events.rows.length ? fold(t('learning.events', { n: count(run.policy_events.total) }), table(t('learning.title'), [t('when'), t('regime'), t('learning.event')], [...run.policy_events.rows].reverse().map(event => [
      h('td', { class: 't num' }, moment(event.at)), said('regime', event.regime), h('td', { class: 'wrap' }, tell(event))])), newestOf(run.policy_events)) : null);
};

const settingsPart = () => {
  if (!run.settings.length) return section('settings', null, empty(t('settings.unknown')));
  const changed = run.settings.filter(each => each.origin);
  const sections = [...new Set(run.settings.map(each => each.section))];
  const key = each => h('th', { scope: 'row', class: 'mono' }, each.key);
  const value = each => h('td', { class: 'wrap mono' }, each.value === '' ? '\u2013' : each.value);
  const part = section('settings', t('settings.lead', { changed: count(changed.length), all: count(run.settings.length) }),
    changed.length ? h('details', { open: changed.length <= 24 }, h('summary', null, t('settings.changed', { n: count(changed.length) })),
      table(t('settings.title'), [t('settings.key'), t('settings.value'), t('settings.origin')], changed.map(each => [key(each), value(each), h('td', { class: 'soft' }, each.origin)]))) : null,
    fold(t('settings.all', { n: count(run.settings.length) }), sections.map(name => [h('h3', null, said('section', name)),
      table(said('section', name), null, run.settings.filter(each => each.section === name).map(each => [key(each), value(each)]))])));
  part.classList.add('long');
  return part;
};

const dataPart = () => {
  const source = run.source;
  const facts = (label, rows) => h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': label }, h('table', { class: 'facts' }, h('tbody', null, rows.filter(row => row[1] !== null && row[1] !== undefined).map(([name, value]) => h('tr', null, h('th', { scope: 'row' }, name), h('td', null, value))))));
  const identity = [[t('data.run'), h('span', { class: 'mono' }, run.run.id)], [t('data.settings'), h('span', { class: 'mono' }, run.run.fingerprint)], [t('data.seed'), String(run.run.seed)], [t('data.version'), 'Alavanca ' + run.version]];
  const part = section('data', source ? null : t('data.unknown'), source ? facts(t('data.title'), [
    [t(source.synthetic ? 'data.market' : 'data.file'), source.name], [t('data.kind'), source.kind], ['SHA-256', h('span', { class: 'mono' }, source.sha256)],
    [t('data.span'), source.first ? `${source.first} \u2192 ${source.last}` : null], [t('data.clock'), source.clock], [t('data.rows'), count(source.rows)],
    [t('data.faulty'), source.faulty ? `${count(source.faulty)} (${source.faults.filter(([, number]) => number > 0).map(([kind, number]) => `${kind} ${count(number)}`).join(', ')})` : t('none')],
    [t('data.gaps'), count(source.gaps)]]) : null, facts(t('data.title'), identity));
  return part;
};

const footPart = () => {
  const link = (address, text) => h('a', { href: address, rel: 'noopener noreferrer' }, text || address);
  const [first, second] = chartsNotice.trim().split('\n');
  const [before, after] = second.split('https://www.tradingview.com/');
  return [
    h('p', null, t('foot.risk')), h('p', null, t('foot.made', { version: run.version, id: run.run.id })),
    h('p', { id: 'attribution' }, t('foot.charts') + ' ', first, '. ', before, link('https://www.tradingview.com/'), after),
    h('details', null, h('summary', null, t('foot.licences')), h('p', null, t('foot.licence')), h('pre', { lang: 'en' }, chartsNotice + '\n' + chartsLicence))];
};
