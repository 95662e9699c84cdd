// Puts the page together, in the language and the dress that are chosen.

const later = [];
const parts = [
  ['equity', equityPart], ['market', candlesPart], ['trades', tradesPart], ['days', daysPart], ['decisions', decisionsPart], ['regimes', regimesPart], ['confidence', confidencePart], ['posteriors', posteriorsPart],
  ['refusals', refusalsPart], ['scalps', scalpsPart], ['costs', costsPart], ['level4', level4Part], ['risk', riskPart], ['learning', learningPart],
  ['settings', settingsPart], ['data', dataPart]];

const render = () => {
  forgetCharts(); forgetDrawings(); later.length = 0;
  document.documentElement.lang = view.language;
  const at = id => document.getElementById(id);
  const top = scrollY;
  document.querySelector('.skip').textContent = t('skip');
  at('top').replaceChildren(...headPart(), kpiPart());
  const made = parts.map(([id, part]) => [id, part()]).filter(([, element]) => element);
  at('main').replaceChildren(...[notesPart(), ...made.map(([, element]) => element)].filter(Boolean));
  at('nav').setAttribute('aria-label', t('nav'));
  at('nav').replaceChildren(h('div', null, made.map(([id]) => h('a', { href: '#' + id }, t(id + '.short')))));
  at('foot').replaceChildren(...footPart());
  later.forEach(draw => draw());
  paintAll();
  scrollTo(0, top);
  watch();
};

// The link of the part that is being read.
let reading = null;
const watch = () => {
  if (reading) reading.disconnect();
  const links = new Map([...document.querySelectorAll('nav a')].map(link => [link.hash.slice(1), link]));
  reading = new IntersectionObserver(entries => {
    for (const entry of entries) if (entry.isIntersecting) {
      links.forEach(link => link.removeAttribute('aria-current'));
      const link = links.get(entry.target.id);
      link.setAttribute('aria-current', 'true');
      const strip = link.parentElement;
      strip.scrollLeft = link.offsetLeft - strip.clientWidth / 2 + link.clientWidth / 2;
    }
  }, { rootMargin: '-20% 0px -70% 0px' });
  document.querySelectorAll('main > section').forEach(each => reading.observe(each));
};

const speak = language => {
  view.language = language;
  render();
  document.getElementById('language-' + language).focus({ preventScroll: true });
};
const dress = theme => {
  view.theme = theme;
  document.documentElement.dataset.theme = theme;
  const button = document.getElementById('theme');
  if (button) button.setAttribute('aria-pressed', String(theme === 'dark'));
  recolourCharts();
};

matchMedia('(prefers-color-scheme: dark)').addEventListener('change', event => dress(event.matches ? 'dark' : 'light'));
// Paper is white.
let worn = null;
addEventListener('beforeprint', () => { worn = view.theme; dress('light'); });
addEventListener('afterprint', () => { if (worn) dress(worn); worn = null; });

document.documentElement.dataset.theme = view.theme;
render();
document.documentElement.classList.remove('wait');
