// Shared by the pages: building elements from data (texts are never read as HTML), calls, money.
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "style") for (const [key, text] of Object.entries(value)) node.style.setProperty(key, text);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
  }
  for (const child of children.flat()) if (child !== null && child !== undefined && child !== false) node.append(child);
  return node;
}

const SHAPES = {
  comment: "M4 4h16v11H9l-5 4z", log: "M12 3a9 9 0 100 18 9 9 0 000-18zm0 5v5m0 3v.5", todo: "M5 12l4 4 10-10",
  stage: "M4 12h13m-5-6l6 6-6 6", message: "M4 5h16v12H8l-4 3z", file: "M6 2h8l5 5v15H6zM14 2v5h5", bell: "M6 17h12l-1.5-2.5V10a4.5 4.5 0 00-9 0v4.5zM10.5 20h3",
};

export function icon(name, color = "currentColor") {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  for (const [key, value] of Object.entries({ d: SHAPES[name] || SHAPES.log, fill: "none", stroke: color, "stroke-width": "1.8", "stroke-linecap": "round", "stroke-linejoin": "round" })) path.setAttribute(key, value);
  svg.append(path);
  return svg;
}

export async function ask(path, method = "GET", body) {
  const options = { method };
  if (body !== undefined) Object.assign(options, { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  const response = await fetch(path, options);
  const answer = await response.json();
  if (!response.ok) {
    toast(answer.why || "Не получилось", true);
    throw new Error(answer.why || response.statusText);
  }
  return answer;
}

export function toast(text, bad = false) {
  const node = el("div", { class: bad ? "toast bad" : "toast", role: "status" }, text);
  document.body.append(node);
  setTimeout(() => node.remove(), 2600);
}

const MONEY = new Intl.NumberFormat("ru-RU", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
export const money = (value) => `${MONEY.format(Number(value) || 0)} ₽`;
export const moment = (text) => (text ? new Date(text).toLocaleString("ru-RU", { day: "2-digit", month: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit" }) : "");
export const fileLink = (file) => el("a", { class: "file", href: `/page/file/${file.id}`, target: "_blank", rel: "noopener" }, icon("file", "#c8372d"), file.name, el("span", { class: "empty" }, ` ${Math.max(1, Math.round(file.size / 1024))} КБ`));

export function notes(list) {
  if (!list.length) return [el("p", { class: "empty" }, "Уведомлений и сообщений пока нет.")];
  return list.map((note) => el("div", { class: "note", "data-note": note.id }, el("div", { class: "meta" }, `${note.from} → ${note.to}, ${moment(note.at)}${note.edited ? ", изменено" : ""}`), marked(note.text)));
}

// The portal's marks: bold and links are shown, others are left as they were written. A link leads to the web only.
export function marked(text) {
  const parts = text.split(/(\[URL=[^\]]+\].*?\[\/URL\]|\[B\].*?\[\/B\])/i);
  return parts.map((part) => {
    const link = part.match(/^\[URL=((?:https?:\/)?\/[^\]]*)\](.*)\[\/URL\]$/i);
    if (link) return el("a", { href: link[1] }, link[2]);
    const bold = part.match(/^\[B\](.*)\[\/B\]$/i);
    return bold ? el("b", {}, bold[1]) : part;
  });
}

// Asks again twice a second, and once at once; a failing portal is asked on.
export function live(load) {
  const step = async () => {
    try { if (!document.hidden) await load(); } catch (cause) { console.warn(cause); }
    setTimeout(step, 500);
  };
  step();
}
