// Asks for the overview every two seconds and shows it. Whatever comes from there is put in as text,
// never as markup.
'use strict';

const PERIOD = 2000;
const PATIENCE = 8000;
const GOOD = new Set(['TRUSTED', 'ATTESTED', 'ADMITTED', 'CLOSED', 'GOOD', 'ready', 'UNBAN']);
const BAD = new Set(['UNTRUSTED', 'REJECTED', 'DENIED', 'BANNED', 'BAN', 'ENDED', 'OPEN', 'TPM_UNAVAILABLE']);
const CALM = new Set(['STARTING', 'REGISTERED', 'ACTIVATED', 'UNREGISTERED', 'EVICT']);
const WHAT = {ATTESTATION: 'attestation', VERDICT: 'verdict', AGENT: 'agent of this machine', BREAKER: 'breaker',
  ADMINISTRATION: 'by an administrator'};
const ATTESTING = ['attest-to-issuer', 'attest-node', 'appraise-evidence', 'enrol-agent', 'enrol-node'];

let last = null;
let answeredAt = 0;
let shownFlow = '';
const shown = {};

function el(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (key === 'class') made.className = value;
    else if (key.startsWith('on')) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value);
  }
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== '') made.append(child);
  }
  return made;
}

function tag(word) {
  const mood = GOOD.has(word) ? 'good' : BAD.has(word) ? 'bad' : CALM.has(word) ? '' : 'warn';
  return el('span', {class: 'tag ' + mood}, word);
}

function span(seconds) {
  const s = Math.abs(Math.round(seconds));
  if (s < 90) return s + ' s';
  if (s < 5400) return Math.round(s / 60) + ' min';
  if (s < 172800) return Math.round(s / 3600) + ' h';
  return Math.round(s / 86400) + ' days';
}

function since(text) {
  if (!text) return '';
  const seconds = (now() - Date.parse(text)) / 1000;
  const words = seconds >= 0 ? span(seconds) + ' ago' : 'in ' + span(seconds);
  return el('time', {datetime: text, title: text}, words);
}

function clock(text) {
  return el('time', {datetime: text, title: text}, new Date(text).toLocaleTimeString('en-GB'));
}

/** The process's clock, for its times are on it. */
function now() {
  return last ? Date.parse(last.process.now) : Date.now();
}

function took(micros) {
  if (micros === null || micros === undefined) return 'running';
  if (micros < 1000) return micros + ' µs';
  if (micros < 1e6) return (micros / 1000).toFixed(micros < 1e4 ? 2 : 1) + ' ms';
  return (micros / 1e6).toFixed(2) + ' s';
}

function why(reasons) {
  return reasons.map(r => el('p', {class: 'why'}, el('b', {}, r.code), r.detail ? ': ' + r.detail : '', ' ',
    el('span', {class: 'do'}, r.remedy ? '→ ' + r.remedy : '')));
}

function traceLink(traceId) {
  return el('button', {type: 'button', class: 'plain id', title: 'show this flow', onclick: () => openFlow(traceId)},
    traceId.slice(0, 8) + '…');
}

/** Puts the content in only when it changed, so that selections and the focus stay. */
function put(id, key, make) {
  const text = JSON.stringify(key);
  if (shown[id] === text) return;
  const focus = document.activeElement;
  const place = document.getElementById(id);
  const within = place.contains(focus) ? [...place.querySelectorAll('button')].indexOf(focus) : -1;
  shown[id] = text;
  place.replaceChildren(...[make()].flat(Infinity));
  if (within >= 0) {
    const buttons = place.querySelectorAll('button');
    if (buttons[within]) buttons[within].focus();
  }
}

function table(names, rows) {
  return el('table', {class: 'wide'},
    el('thead', {}, el('tr', {}, names.map(n => el('th', {scope: 'col'}, n)))),
    el('tbody', {}, rows.map(cells => el('tr', {}, cells.map((cell, i) => {
      const empty = cell === '' || cell === null || (Array.isArray(cell) && cell.length === 0);
      return el('td', {'data-name': names[i], class: empty ? 'empty' : ''},
        el('div', {}, ...(Array.isArray(cell) ? cell : [cell])));
    })))));
}

function none(text) {
  return el('p', {class: 'none'}, text);
}

function sum(view, extra) {
  const parts = Object.entries(view.byState || {}).map(([state, count]) => count + ' ' + state);
  if (view.stale) parts.push('not answering, as of ' + span(view.ageSeconds) + ' ago');
  if (extra) parts.push(extra);
  return parts.join(' · ');
}

/** Times in words change by themselves, so they are drawn anew every ten seconds. */
function beat() {
  return Math.floor(now() / 10000);
}

function showRoles(process) {
  put('roles', [process.roles, beat()], () => process.roles.map(role => el('div', {class: 'card'},
    el('h3', {}, role.role, tag(role.ready ? 'ready' : 'waiting')),
    el('div', {}, el('span', {class: 'id'}, role.state)),
    role.reason ? why([role.reason]) : '',
    el('dl', {}, Object.entries(role.facts || {}).sort().map(([name, fact]) =>
      [el('dt', {}, name), el('dd', {}, /^\d{4}-\d\d-\d\dT/.test(fact) ? since(fact) : fact)])))));
}

function showNodes(nodes) {
  document.getElementById('nodes-sum').textContent =
    sum(nodes, nodes.list.length < nodes.total ? 'showing ' + nodes.list.length + ' of ' + nodes.total : '');
  put('nodes-list', [nodes.list, beat()], () => nodes.list.length === 0
    ? none(nodes.stale ? 'No answer yet.' : 'No node is enrolled yet.')
    : table(['Node', 'State', 'Why', 'Last verdict', 'SVID until', 'Next look', 'Breaker'],
      nodes.list.map(n => [
        [el('div', {class: 'id'}, n.id), n.attestedBy ? el('div', {class: 'do'}, 'by ' + n.attestedBy) : ''],
        tag(n.state), why(n.reasons), since(n.lastVerdictAt), since(n.svidNotAfter),
        n.lookAt ? (Date.parse(n.lookAt) > now() ? since(n.lookAt) : 'now') : '', n.breaker ? tag(n.breaker) : ''])));
}

function showEvents(timeline) {
  const first = shown.lastEvent || 0;
  put('events', [timeline.list.length ? timeline.list[0].number : 0], () => timeline.list.length === 0
    ? el('li', {}, none('Nothing has happened yet.'))
    : timeline.list.map(e => el('li', {class: first && e.number > first ? 'fresh' : ''},
      clock(e.at),
      el('div', {}, tag(e.outcome), ' ', el('span', {class: 'what'}, WHAT[e.kind] + ', ' + e.source + ' '),
        e.traceId ? traceLink(e.traceId) : '',
        el('div', {class: 'id'}, e.subject), why(e.reasons)))));
  shown.lastEvent = timeline.list.length ? timeline.list[0].number : 0;
}

function showDocuments(documents) {
  const late = documents.list.filter(d => d.standing !== 'GOOD').length;
  document.getElementById('documents-sum').textContent =
    sum(documents, documents.total + ' held, ' + (late ? late + ' to look at' : 'all in time'));
  put('documents-list', [documents.list, beat()], () => documents.list.length === 0
    ? none('This process holds none.')
    : table(['What', 'Ends', ''], documents.list.map(d => [
      [el('div', {}, d.kind), el('div', {class: 'id'}, d.id)], since(d.notAfter), tag(d.standing)])));
}

function showBreakers(breakers) {
  document.getElementById('breakers-sum').textContent = sum(breakers, '');
  const open = breakers.list.filter(b => b.state !== 'CLOSED');
  put('breakers-list', [open, breakers.total], () => breakers.total === 0 ? none('There is none here.')
    : open.length === 0 ? none('None is open.')
    : table(['Breaker', 'State', 'Why'],
      open.map(b => [el('span', {class: 'id'}, b.name), tag(b.state), b.trouble])));
}

function wanted(flow) {
  const kind = document.getElementById('flows-kind').value;
  if (kind === 'refused') return flow.refusedWith !== null;
  return kind === 'all' || flow.routes.some(route => ATTESTING.includes(route));
}

function showFlows(flows) {
  const list = flows.list.filter(wanted).slice(0, 25);
  put('flows-list', [list, beat()], () => list.length === 0 ? none('None of this kind is kept.')
    : table(['Trace', 'Began', 'From', 'Through', 'Took', 'End'], list.map(f => [
      traceLink(f.traceId), clock(f.startedAt), f.entryRoute,
      f.routes.length + ' routes, ' + f.steps + ' steps', took(f.tookMicros),
      f.running ? tag('running') : f.refusedWith ? el('span', {class: 'tag bad'}, f.refusedWith)
        : el('span', {class: 'tag good'}, 'ok')])));
}

/** One step: where it lies in the flow's time; drawn, for the page may hold no style of its own. */
function bar(step, flow, holds) {
  const NS = 'http://www.w3.org/2000/svg';
  const whole = Math.max(1, flow.tookMicros);
  const svg = document.createElementNS(NS, 'svg');
  svg.setAttribute('viewBox', '0 0 1000 12');
  svg.setAttribute('preserveAspectRatio', 'none');
  svg.setAttribute('aria-hidden', 'true');
  const rect = (cls, x, width) => {
    const made = document.createElementNS(NS, 'rect');
    for (const [k, v] of Object.entries({class: cls, x, y: 0, width, height: 12, rx: 2})) made.setAttribute(k, v);
    svg.append(made);
  };
  rect('track', 0, 1000);
  const from = Math.min(996, 1000 * step.startMicros / whole);
  const took = step.tookMicros === null ? whole - step.startMicros : step.tookMicros;
  rect(holds ? 'holds' : 'bar', from, Math.max(4, Math.min(1000 - from, 1000 * took / whole)));
  return svg;
}

function flowView(flow) {
  const items = [];
  let route = '';
  flow.steps.forEach((step, i) => {
    if (step.route !== route) {
      route = step.route;
      items.push(el('li', {class: 'route'}, route));
    }
    const next = flow.steps[i + 1];
    const holds = next && step.tookMicros !== null && next.startMicros < step.startMicros + step.tookMicros;
    items.push(el('li', {class: step.refusedWith ? 'refused' : '', 'data-step': step.step},
      el('span', {}, el('span', {class: 'id'}, step.step), ' ',
        step.refusedWith ? el('span', {class: 'tag bad'}, step.refusedWith) : ''),
      bar(step, flow, holds),
      el('span', {class: 'took'}, took(step.tookMicros))));
  });
  return [
    el('h3', {}, 'Flow ', el('code', {}, flow.traceId)),
    el('p', {class: 'none'}, 'Began ' + new Date(flow.startedAt).toLocaleString('en-GB') + ' in ' + flow.entryRoute
      + ', took ' + took(flow.tookMicros) + ', ' + flow.steps.length + ' steps'
      + (flow.stepsNotKept ? ' and ' + flow.stepsNotKept + ' more that were not kept' : '')
      + '. Light bars hold the steps below them. Other processes show their own part of it.'),
    flow.refusedWith ? el('p', {class: 'why'}, el('b', {}, flow.refusedWith), ' ', el('span', {class: 'do'}, '→ ' + flow.remedy)) : '',
    el('ol', {class: 'steps'}, items),
    el('p', {}, el('button', {type: 'button', onclick: closeFlow}, 'Close'))].filter(x => x !== '');
}

function closeFlow() {
  shownFlow = '';
  history.replaceState(null, '', location.pathname);
  document.getElementById('flow').hidden = true;
  document.getElementById('flows-title').scrollIntoView();
}

function openFlow(traceId) {
  if (location.hash === '#flow=' + traceId) loadFlow(traceId, true);
  else location.hash = 'flow=' + traceId;
}

async function loadFlow(traceId, move) {
  shownFlow = traceId;
  const place = document.getElementById('flow');
  try {
    const answer = await ask('flows/' + encodeURIComponent(traceId));
    place.replaceChildren(...(answer ? flowView(answer)
      : [none('This process keeps no flow ' + traceId + '. It keeps the last of each kind; another process may have its part.')]));
    place.dataset.running = answer && answer.running ? 'yes' : 'no';
  } catch (failure) {
    place.replaceChildren(none('The flow could not be read.'));
  }
  place.hidden = false;
  if (move) {
    place.focus({preventScroll: true});
    place.scrollIntoView();
  }
}

function fromAddress() {
  const found = /^#flow=([0-9a-f]{32})$/.exec(location.hash);
  if (found) loadFlow(found[1], true);
}

/** Never relative: the page's own address may have a user and password, and fetch takes none such. */
function address(what) {
  return location.origin + '/dashboard/api/' + what;
}

/** The answer's JSON; null for 404. */
async function ask(what) {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), PATIENCE);
  try {
    const answer = await fetch(address(what), {signal: stop.signal, cache: 'no-store'});
    if (answer.status === 404) return null;
    if (!answer.ok) throw new Error((await answer.text()).trim() || 'answered ' + answer.status);
    return await answer.json();
  } finally {
    clearTimeout(timer);
  }
}

function render(overview) {
  last = overview;
  document.title = (overview.process.ready ? '' : 'NOT READY · ') + 'Serai ' + overview.process.trustDomain;
  document.getElementById('domain').textContent = overview.process.trustDomain;
  showRoles(overview.process);
  showNodes(overview.nodes);
  showEvents(overview.timeline);
  showDocuments(overview.documents);
  showBreakers(overview.breakers);
  showFlows(overview.flows);
}

async function refresh() {
  const away = document.getElementById('away');
  const link = document.getElementById('link');
  try {
    render(await ask('overview'));
    answeredAt = Date.now();
    away.hidden = true;
    document.body.dataset.answering = 'yes';
    link.textContent = (last.process.ready ? 'ready' : 'not ready') + ' · up ' +
      span((now() - Date.parse(last.process.startedAt)) / 1000);
    if (shownFlow && document.getElementById('flow').dataset.running === 'yes') await loadFlow(shownFlow, false);
  } catch (failure) {
    const ago = answeredAt ? ' What is below is ' + span((Date.now() - answeredAt) / 1000) + ' old.' : '';
    const said = /^[A-Z_]+:/.test(failure.message) ? ' (' + failure.message + ')' : '';
    away.textContent = 'This process does not answer' + said + '.' + ago;
    away.hidden = false;
    document.body.dataset.answering = 'no';
    link.textContent = 'not answering';
  }
  setTimeout(refresh, PERIOD);
}

document.getElementById('flows-kind').addEventListener('change', () => last && showFlows(last.flows));
document.getElementById('find').addEventListener('submit', event => {
  event.preventDefault();
  const id = document.getElementById('trace').value.trim().toLowerCase();
  if (/^[0-9a-f]{32}$/.test(id)) openFlow(id);
});
window.addEventListener('hashchange', fromAddress);
fromAddress();
refresh();
