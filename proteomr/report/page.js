"use strict";
// A number as four digits, as Python's %.4g writes it; from 10,000 on whole.
const trim = s => s.includes(".") ? s.replace(/\.?0+$/, "") : s;
const four = v => {
  if (v === 0) return "0";
  if (Math.abs(v) >= 1e4 && Math.abs(v) < 1e15) return Math.round(v).toLocaleString("en");
  const [digits, power] = v.toExponential(3).split("e"), e = Number(power);
  if (e >= -4 && e < 4) return trim(v.toFixed(3 - e));
  return trim(digits) + "e" + (e < 0 ? "-" : "+") + String(Math.abs(e)).padStart(2, "0");
};
const ends = {inf: Infinity, "-inf": -Infinity};
const cell = (v, show) => v === null || v !== v ? ["", ""] : v in ends ? [v, ends[v]]
  : v === Infinity ? ["inf", v] : v === -Infinity ? ["-inf", v] : [show(v), v];
const bytes = s => Uint8Array.from(atob(s), c => c.charCodeAt(0)).buffer;
const letters = new Intl.Collator();
const whole = n => n.toLocaleString("en");
// Columns of floats (f), whole numbers (n), or texts (t) by their places (i), to rows of cells; F
// and I are the bytes of f and i, of eight and two each, the lowest first.
const rowsOf = columns => {
  const cells = columns.map(c => {
    const at = c.i ?? (c.I && [...new Uint16Array(bytes(c.I))]);
    if (at) return at.map(k => [c.t[k], c.t[k]]);
    const floats = c.f ?? (c.F && [...new Float64Array(bytes(c.F))]);
    return (floats ?? c.n).map(v => cell(v, floats ? four : whole));
  });
  return cells[0].map((_, k) => cells.map(c => c[k]));
};
for (const box of document.querySelectorAll(".sheet")) {
  const table = box.querySelector("table"), body = table.tBodies[0];
  const data = box.querySelector("script[type='application/json']");
  const heads = [...table.tHead.rows[0].cells];
  const numeric = heads.map(h => h.classList.contains("n"));
  let rows = data ? rowsOf(JSON.parse(data.textContent))
    : [...body.rows].map(r => [...r.cells].map(c => [c.textContent, c.dataset.v ?? c.textContent]));
  let shown = rows, order = null;
  const scroll = box.querySelector(".scroll"), count = box.querySelector("output");
  const height = 24, spare = 20, printed = 50;
  const say = n => n.toLocaleString("en") + (n === 1 ? " row" : " rows");
  const draw = paper => {
    const long = shown.length > 400;
    const first = long && !paper ? Math.max(0, Math.floor(scroll.scrollTop / height) - spare) : 0;
    const last = paper ? Math.min(shown.length, printed)
      : long ? Math.min(shown.length, first + 2 * spare + 30) : shown.length;
    const made = document.createDocumentFragment();
    const gap = n => { if (n > 0) { const r = document.createElement("tr");
      r.style.height = n * height + "px"; r.setAttribute("aria-hidden", "true"); made.append(r); } };
    gap(first);
    for (let i = first; i < last; i++) {
      const row = document.createElement("tr");
      shown[i].forEach((cell, j) => { const c = document.createElement(j ? "td" : "th");
        if (!j) c.scope = "row"; if (numeric[j]) c.className = "n";
        c.textContent = cell[0]; row.append(c); });
      made.append(row);
    }
    if (paper && last < shown.length) {
      const row = document.createElement("tr"), c = document.createElement("td");
      c.colSpan = heads.length;
      c.textContent = "The first " + last + " of " + say(shown.length) + ".";
      row.append(c); made.append(row);
    } else gap(shown.length - last);
    body.replaceChildren(made);
    count.textContent = say(shown.length);
  };
  let words = [];
  const choose = () => {
    shown = rows.filter(r => words.every(w => r.some(c => c[0].toLowerCase().includes(w))));
    if (order) {
      const [j, down] = order, sign = down ? -1 : 1;
      shown.sort((a, b) => { const x = a[j][1], y = b[j][1];
        if (x === "" || y === "") return (x === "") - (y === "");
        return sign * (numeric[j] ? Number(x) - Number(y) : letters.compare(String(x), String(y))); });
    }
    scroll.scrollTop = 0; draw();
  };
  const sort = j => {
    order = [j, order !== null && order[0] === j && !order[1]];
    heads.forEach((h, k) => h.setAttribute("aria-sort",
      k === j ? (order[1] ? "descending" : "ascending") : "none"));
    choose();
  };
  heads.forEach((h, j) => h.querySelector("button").addEventListener("click", () => sort(j)));
  box.querySelector("input").addEventListener("input", e => {
    words = e.target.value.toLowerCase().split(/\s+/).filter(Boolean); choose(); });
  box.querySelector(".copy").addEventListener("click", async e => {
    const text = [heads.map(h => h.textContent), ...shown.map(r => r.map(c => String(c[1])))]
      .map(r => r.join("\t")).join("\n");
    try { await navigator.clipboard.writeText(text); count.textContent = say(shown.length) + " copied"; }
    catch { count.textContent = "Not copied: the browser does not allow it here"; } });
  scroll.addEventListener("scroll", () => { if (shown.length > 400) draw(); });
  addEventListener("beforeprint", () => draw(true));
  addEventListener("afterprint", () => draw());
  box.querySelector(".tools").hidden = rows.length <= 10;
  draw();
}
