// What the page is drawn with: its figures, its words, its formats, and short ways to make elements.

const json = id => JSON.parse(document.getElementById(id).textContent);
const run = json('figures');
const dictionary = json('words');
const [chartsNotice, chartsLicence] = json('notices');

const languages = ['en', 'pt-BR'];
const view = {
  language: (navigator.languages || [navigator.language || 'en']).some(l => /^pt\b/i.test(l)) &&
    !/^en\b/i.test((navigator.languages || [navigator.language])[0] || '') ? 'pt-BR' : 'en',
  theme: matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light',
};

// A word of the page. {name} in it is replaced.
const t = (key, values) => {
  const text = dictionary[view.language][key];
  if (text === undefined) { console.error('no word for ' + key); return key; }
  return values ? text.replace(/\{(\w+)\}/g, (whole, name) => name in values ? values[name] : whole) : text;
};
// A stored word, said in the page's language where it is known.
const said = (family, word) => {
  const text = dictionary[view.language][family + '.' + word];
  return text === undefined ? String(word) : text;
};

const locale = () => view.language === 'en' ? 'en-US' : 'pt-BR';
const formats = new Map();
const number = (options, value) => {
  const key = view.language + JSON.stringify(options);
  if (!formats.has(key)) formats.set(key, new Intl.NumberFormat(locale(), options));
  return formats.get(key).format(value).replace(/^-/, '\u2212').replace(/^(-|\u2212)?0([.,]0+)?$/, (all, sign, rest) => '0' + (rest || ''));
};
const knownCurrency = (() => { try { new Intl.NumberFormat('en', { style: 'currency', currency: run.run.currency }); return true; } catch { return false; } })();
const currencyOptions = more => knownCurrency
  ? { style: 'currency', currency: run.run.currency, currencyDisplay: 'narrowSymbol', ...more }
  : { minimumFractionDigits: 2, maximumFractionDigits: 2, ...more };
const money = cents => number(currencyOptions(), cents / 100);
const signedMoney = cents => number(currencyOptions({ signDisplay: 'exceptZero' }), cents / 100);
const roundMoney = cents => number(currencyOptions({ notation: Math.abs(cents) >= 1e7 ? 'compact' : 'standard', minimumFractionDigits: 0, maximumFractionDigits: Math.abs(cents) >= 1e7 ? 1 : 0 }), cents / 100);
const count = n => number({ maximumFractionDigits: 0 }, n);
const decimals = (x, places) => x === null || x === undefined ? '\u2013' : number({ minimumFractionDigits: places, maximumFractionDigits: places }, x);
const percent = x => x === null || x === undefined ? '\u2013' : number({ style: 'percent', minimumFractionDigits: 1, maximumFractionDigits: 1 }, x);
const price = units => number({ minimumFractionDigits: run.run.digits, maximumFractionDigits: run.run.digits }, units / 10 ** run.run.digits);
const bytes = n => number({ maximumFractionDigits: 0 }, n);

const dates = new Map();
// Instants are seconds on the trading zone's clock, shown as they are.
const date = (options, seconds) => {
  const key = view.language + JSON.stringify(options);
  if (!dates.has(key)) dates.set(key, new Intl.DateTimeFormat(view.language === 'en' ? 'en-GB' : 'pt-BR', { timeZone: 'UTC', ...options }));
  return dates.get(key).format(new Date(seconds * 1000));
};
const day = seconds => date({ day: '2-digit', month: 'short', year: 'numeric' }, seconds);
const moment = seconds => date({ day: '2-digit', month: '2-digit', year: 'numeric', hour: '2-digit', minute: '2-digit' }, seconds);
const clock = seconds => date({ hour: '2-digit', minute: '2-digit', second: '2-digit' }, seconds);
const span = seconds => {
  if (seconds < 120) return t('span.seconds', { n: count(seconds) });
  if (seconds < 7200) return t('span.minutes', { n: seconds < 600 ? decimals(seconds / 60, seconds % 60 ? 1 : 0) : count(Math.round(seconds / 60)) });
  if (seconds < 172800) return t('span.hours', { n: decimals(seconds / 3600, 1) });
  return t('span.days', { n: decimals(seconds / 86400, 1) });
};
// The length of a candle as traders say it: 5 min, 1 h, 1 d.
const frame = seconds => {
  for (const [unit, length] of [['week', 604800], ['day', 86400], ['hour', 3600], ['minute', 60]]) {
    if (seconds % length === 0) return t('frame.' + unit, { n: count(seconds / length) });
  }
  return t('frame.second', { n: count(seconds) });
};
const tone = cents => cents > 0 ? 'up' : cents < 0 ? 'down' : '';

// An element. Text is text: nothing of the run is ever read as markup.
const h = (tag, attributes, ...children) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.flat(9).filter(child => child !== null && child !== undefined && child !== false));
  return element;
};
const cell = (text, kind) => h('td', { class: 'n' + (kind ? ' ' + kind : '') }, text);
const amount = cents => cell(signedMoney(cents), tone(cents));

// A table whose rows are lists of cells or of text; numbers' columns are said by `n`.
const table = (label, heads, rows, attributes) => h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': label },
  h('table', attributes,
    heads ? h('thead', null, h('tr', null, heads.map(head => h('th', { scope: 'col', class: head.n ? 'n' : null }, head.n || head)))) : null,
    h('tbody', null, rows.map(row => row instanceof Node ? row : h('tr', null, row.map((each, place) =>
      each instanceof Node ? each : place === 0 ? h('th', { scope: 'row' }, each) : h('td', null, each)))))));
const n = text => ({ n: text });

const colour = name => getComputedStyle(document.documentElement).getPropertyValue('--' + name).trim();
