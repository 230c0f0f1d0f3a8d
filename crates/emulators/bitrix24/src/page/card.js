// A deal's card. A field is saved when it is left; what is being edited is not redrawn.
import { ask, el, fileLink, icon, live, marked, moment, money, notes, toast } from "/page/common.js";

const id = Number(location.pathname.match(/details\/(\d+)/)[1]);
let shown = -1;

const isEdited = (host) => host.contains(document.activeElement) && document.activeElement.matches("input, select, textarea");

// How a field's kept value is shown and typed: a date `2026-11-22` as `22.11.2026`, money `13080.00|RUB` as `13 080,00 ₽`, a number
// `90.5` as `90,5`.
const SHOWN = {
  date: (kept) => kept.split("-").reverse().join("."),
  money: (kept) => (kept.endsWith("|RUB") ? money(kept.slice(0, -4)) : kept),
  number: (kept) => kept.replace(".", ","),
};
const number = (typed) => typed.replace(/[\s₽]/g, "").replace(",", ".");
const TYPED = {
  date: (typed) => typed.trim().split(".").reverse().join("-"),
  money: (typed) => {
    const sum = number(typed);
    return !sum || sum.includes("|") ? sum : `${sum}|RUB`;
  },
  number,
};
const same = (text) => text;

function field(one) {
  const label = el("label", { class: one.custom ? "custom" : "" }, one.label);
  if (one.files) {
    label.append(el("div", { class: "value", "data-field": one.name }, one.files.length ? one.files.map(fileLink) : el("span", { class: "empty" }, "нет файлов")));
  } else if (!one.editable) {
    label.append(el("div", { class: "value", "data-field": one.name }, one.value || "—"));
  } else if (one.kind === "flag") {
    const select = el("select", { "data-field": one.name, onchange: async () => {
      await ask(`/page/api/deal/${id}/fields`, "POST", { [one.name]: select.value });
      toast("Сохранено");
      shown = -1;
      document.activeElement.blur();
    } }, el("option", { value: "N", selected: one.value !== "Y" }, "нет"), el("option", { value: "Y", selected: one.value === "Y" }, "да"));
    label.append(select);
  } else if (one.kind === "list") {
    const select = el("select", { "data-field": one.name, onchange: async () => {
      await ask(`/page/api/deal/${id}/fields`, "POST", { [one.name]: select.value });
      toast("Сохранено");
      shown = -1;
      document.activeElement.blur();
    } }, el("option", { value: "" }, "— не выбрано —"), one.items.map((item) => el("option", { value: item.ID, selected: item.ID === one.value }, item.VALUE)));
    label.append(select);
  } else {
    const input = el("input", { value: (SHOWN[one.kind] ?? same)(one.value), "data-field": one.name, placeholder: one.kind === "date" ? "дд.мм.гггг" : null, onchange: async () => {
      await ask(`/page/api/deal/${id}/fields`, "POST", { [one.name]: (TYPED[one.kind] ?? same)(input.value) });
      toast("Сохранено");
      shown = -1;
    } });
    label.append(input);
  }
  return label;
}

function lines(data) {
  const rates = data.vat_rates;
  const rows = data.lines.map((line) => ({ ...line }));
  const body = el("tbody");
  const draw = () => body.replaceChildren(...rows.map((line, at) => {
    const input = (name, attributes = {}) => el("input", { value: line[name], "data-line": name, oninput: (event) => { line[name] = event.target.value; }, ...attributes });
    const vat = el("select", { "data-line": "vat", onchange: (event) => { line.vat = event.target.value; } }, rates.map((rate) => el("option", { value: rate.rate, selected: rate.rate === line.vat }, rate.name)));
    const known = data.measures.some((one) => one.code === line.measure);
    const unit = el("select", { "data-line": "measure", "aria-label": "Единица", onchange: (event) => { line.measure = Number(event.target.value); } },
      known ? null : el("option", { value: line.measure, selected: true }, line.unit || "—"), data.measures.map((one) => el("option", { value: one.code, selected: one.code === line.measure }, one.name)));
    return el("tr", {}, el("td", {}, input("name")), el("td", { class: "num" }, input("price", { inputmode: "decimal", style: { width: "100px" } })), el("td", { class: "num" }, input("quantity", { inputmode: "decimal", style: { width: "76px" } })),
      el("td", {}, unit), el("td", {}, vat), el("td", { class: "num" }, money(line.total)), el("td", {}, el("button", { class: "quiet", type: "button", "aria-label": "Убрать строку", onclick: () => { rows.splice(at, 1); draw(); } }, "✕")));
  }));
  draw();
  return [
    el("table", {}, el("thead", {}, el("tr", {}, ["Наименование", "Цена", "Кол-во", "", "НДС", "Сумма", ""].map((name, at) => el("th", { class: [1, 2, 5].includes(at) ? "num" : "" }, name)))), body),
    el("div", { class: "row" },
      el("button", { class: "quiet", type: "button", onclick: () => { rows.push({ name: "", price: "0", quantity: "1", vat: rates.at(-1)?.rate ?? "", vat_included: true, discount: "0", measure: 796, total: 0 }); draw(); } }, "+ Строка"),
      el("button", { type: "button", id: "save-lines", onclick: async () => { await ask(`/page/api/deal/${id}/lines`, "POST", rows); toast("Строки сохранены"); document.activeElement.blur(); shown = -1; } }, "Сохранить строки"),
      el("label", {}, "Доставка, ₽ ", el("input", { value: data.delivery === "0" ? "" : data.delivery, inputmode: "decimal", "data-field": "DELIVERY", style: { width: "100px" }, onchange: async (event) => {
        await ask(`/page/api/deal/${id}/delivery`, "POST", { price: event.target.value });
        toast("Сохранено");
        shown = -1;
      } })),
      el("span", { class: "total" }, money(data.sum))),
  ];
}

function group(title, kind, record) {
  return el("div", {}, el("p", { class: "empty" }, title), el("div", { class: "fields" }, record.fields.map((one) => {
    const input = el("input", { value: one.value, "data-field": one.name, onchange: async () => {
      await ask(`/page/api/${kind}/${record.id}`, "POST", { [one.name]: input.value });
      toast("Сохранено");
      shown = -1;
    } });
    return el("label", {}, one.label, input);
  })));
}

function company(data) {
  const chosen = data.company?.id ?? 0;
  const select = el("select", { onchange: async () => { await ask(`/page/api/deal/${id}/fields`, "POST", { COMPANY_ID: select.value }); shown = -1; document.activeElement.blur(); } },
    el("option", { value: "0" }, "— не выбрана —"), data.companies.map((one) => el("option", { value: one.id, selected: one.id === chosen }, one.title)));
  const parts = [select];
  if (data.contact) parts.push(el("p", {}, `Контакт: ${data.contact.title}`));
  for (const requisite of [...(data.company?.requisites ?? []), ...(data.contact?.requisites ?? [])]) {
    parts.push(group(requisite.name, "requisite", requisite));
    if (requisite.address) parts.push(el("p", {}, requisite.address));
    for (const bank of requisite.banks) parts.push(group("Банковские реквизиты", "bank", bank));
  }
  return parts;
}

// Our company and its account, as a manager chooses them in the deal.
function seller(data) {
  const select = el("select", { "data-seller": "", "aria-label": "Продавец", onchange: async () => {
    const chosen = data.sellers[Number(select.value)] ?? { requisite: 0, bank: 0 };
    await ask(`/page/api/deal/${id}/seller`, "POST", { requisite: chosen.requisite, bank: chosen.bank });
    toast("Сохранено");
    shown = -1;
    document.activeElement.blur();
  } }, el("option", { value: "-1" }, "— не выбран —"), data.sellers.map((one, at) => el("option", { value: at, selected: one.chosen }, one.label)));
  return [select];
}

// A robot of a stage that posts the deal to an address: «Исходящий вебхук».
function robots(data) {
  const stage = el("select", { "data-robot": "stage", "aria-label": "Стадия" }, data.stages.map((one) => el("option", { value: one.id }, one.name)));
  const url = el("input", { "data-robot": "url", placeholder: "Адрес исходящего вебхука", "aria-label": "Адрес" });
  const add = async () => {
    await ask("/page/api/robot", "POST", { stage: stage.value, url: url.value });
    toast("Робот добавлен");
    shown = -1;
  };
  return [
    data.robots.map((one) => el("p", {}, `Стадия «${one.stage}»: вебхук на ${one.url.split("?")[0]}`)),
    el("div", { class: "row" }, stage, url, el("button", { type: "button", id: "add-robot", onclick: add }, "Добавить робота")),
  ].flat();
}

// What the portal's administrator sets in the card's settings: without the field no deal goes to this stage or further.
function required(data) {
  const save = async (name, from) => {
    await ask("/page/api/required", "POST", { field: name, from });
    toast("Сохранено");
    shown = -1;
  };
  const field = el("select", { "data-required": "field", "aria-label": "Поле" }, data.required.map((one) => el("option", { value: one.name }, one.label)));
  const stage = el("select", { "data-required": "from", "aria-label": "Стадия" }, data.stages.map((one) => el("option", { value: one.id }, `со стадии «${one.name}»`)));
  return [
    data.required.filter((one) => one.from).map((one) => el("p", {}, `${one.label}: со стадии «${one.stage}» `, el("button", { class: "quiet", type: "button", "aria-label": "Больше не обязательно", onclick: () => save(one.name, "") }, "✕"))),
    el("div", { class: "row" }, field, stage, el("button", { type: "button", id: "require", onclick: () => save(field.value, stage.value) }, "Сделать обязательным")),
  ].flat();
}

const TONES = { comment: "#2066d6", log: "#7a5af5", todo: "#d98200", stage: "#1f9d55", message: "#0e9aa7" };

function entry(one) {
  const title = one.kind === "stage" ? (one.first ? "Сделка создана" : "Стадия изменена") : one.title;
  return el("div", { class: "entry", "data-kind": one.kind }, icon(one.kind, TONES[one.kind]),
    el("div", { class: "body" }, title ? el("div", { class: "title" }, title) : null, el("div", {}, marked(one.text || "")), (one.files || []).map(fileLink),
      el("div", { class: "meta" }, [one.author, moment(one.at)].filter(Boolean).join(", "))));
}

async function load() {
  const data = await ask(`/page/api/deal/${id}`);
  if (data.version === shown) return;
  document.title = `${data.title} — учебный Битрикс24`;
  document.getElementById("title").textContent = data.title;
  document.getElementById("sum").textContent = money(data.sum);
  const funnel = document.getElementById("funnel");
  funnel.replaceChildren(...data.funnels.map((one) => el("option", { value: one.first, selected: one.id === data.funnel }, one.name)));
  funnel.onchange = async () => { await ask(`/page/api/deal/${id}/stage`, "POST", { stage: funnel.value }); shown = -1; document.activeElement.blur(); await load(); };
  const at = data.stages.findIndex((stage) => stage.id === data.stage);
  document.getElementById("steps").replaceChildren(...data.stages.map((stage, place) => el("button", {
    type: "button", class: place <= at ? "done" : "", "data-stage": stage.id, "aria-pressed": String(place === at), style: { "--tone": data.stages[at]?.color ?? "#2066d6" },
    onclick: async () => { await ask(`/page/api/deal/${id}/stage`, "POST", { stage: stage.id }); shown = -1; await load(); },
  }, stage.name)));
  let whole = true;
  for (const [name, draw] of Object.entries({ fields: () => data.fields.map(field), lines: () => lines(data), company: () => company(data), seller: () => seller(data), robots: () => robots(data), required: () => required(data) })) {
    const host = document.getElementById(name);
    if (isEdited(host)) whole = false;
    else host.replaceChildren(...draw());
  }
  document.getElementById("timeline").replaceChildren(...data.timeline.map(entry));
  document.getElementById("messages").replaceChildren(...notes(data.messages));
  if (whole) shown = data.version;
}

document.getElementById("say").addEventListener("submit", async (event) => {
  event.preventDefault();
  const input = event.target.elements.text;
  if (!input.value.trim()) return;
  await ask(`/page/api/deal/${id}/comment`, "POST", { text: input.value });
  input.value = "";
  await load();
});
live(load);
