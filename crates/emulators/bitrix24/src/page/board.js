// The funnel: columns by stage, deals to drag, fresh twice a second.
import { ask, el, icon, live, money, notes, toast } from "/page/common.js";

let shown = -1;
let funnel = 0;
let dragging = null;
let seen = new Map();

function card(deal, color) {
  const changed = seen.has(deal.id) && seen.get(deal.id) !== JSON.stringify(deal);
  const node = el("article", {
    class: changed ? "deal flash" : "deal", draggable: "true", "data-deal": deal.id, style: { "--tone": color },
    ondragstart: (event) => { dragging = deal.id; node.classList.add("dragging"); event.dataTransfer.setData("text/plain", String(deal.id)); event.dataTransfer.effectAllowed = "move"; },
    ondragend: () => { dragging = null; node.classList.remove("dragging"); },
  },
    el("a", { class: "name", href: `/crm/deal/details/${deal.id}/`, draggable: "false" }, deal.title),
    el("div", { class: "sum" }, money(deal.sum)),
    el("div", { class: "meta" }, deal.company || "Компания не указана"),
    el("div", { class: "meta" }, deal.responsible || ""),
    deal.badges.map((badge) => el("span", { class: "badge" }, el("small", {}, `${badge.label} `), badge.value)));
  return node;
}

// What a deal may be dropped on: it comes to that stage.
function takesDeals(node, stage) {
  node.addEventListener("dragover", (event) => { event.preventDefault(); node.classList.add("over"); });
  node.addEventListener("dragleave", () => node.classList.remove("over"));
  node.addEventListener("drop", async (event) => {
    event.preventDefault();
    node.classList.remove("over");
    const id = event.dataTransfer.getData("text/plain");
    dragging = null;
    await ask(`/page/api/deal/${id}/stage`, "POST", { stage });
    await load();
  });
  return node;
}

function column(stage, deals) {
  const sum = deals.reduce((total, deal) => total + Math.round(Number(deal.sum) * 100), 0) / 100;
  const node = el("section", { class: "stage", "data-stage": stage.id, "aria-label": stage.name },
    el("div", { class: "head", style: { background: stage.color } }, el("span", {}, stage.name), el("span", {}, String(deals.length))),
    el("div", { class: "sum" }, money(sum)),
    deals.map((deal) => card(deal, stage.color)));
  return takesDeals(node, stage.id);
}

// A deal that is dropped on another funnel's tab begins there.
function tab(one) {
  const node = el("button", { type: "button", class: one.id === funnel ? "on" : "", onclick: () => { funnel = one.id; shown = -1; load(); } }, one.name);
  return one.id === funnel || !one.stages.length ? node : takesDeals(node, one.stages[0].id);
}

async function load() {
  if (dragging !== null) return;
  const data = await ask("/page/api/board");
  if (data.version === shown) return;
  shown = data.version;
  if (!data.funnels.some((one) => one.id === funnel)) funnel = data.funnels[0]?.id ?? 0;
  const current = data.funnels.find((one) => one.id === funnel);
  document.getElementById("funnels").replaceChildren(...data.funnels.map(tab));
  const deals = data.deals.filter((deal) => deal.funnel === funnel);
  const board = document.getElementById("board");
  const left = board.scrollLeft;
  board.replaceChildren(...(current?.stages ?? []).map((stage) => column(stage, deals.filter((deal) => deal.stage === stage.id))));
  board.scrollLeft = left;
  seen = new Map(data.deals.map((deal) => [deal.id, JSON.stringify(deal)]));
  document.getElementById("bell").replaceChildren(iconBell(), data.notices.length ? el("span", { class: "count" }, String(data.notices.length)) : "");
  document.getElementById("drawer").replaceChildren(el("h2", {}, "Уведомления и сообщения"), ...notes(data.notices));
  document.getElementById("new-deal").onclick = async () => {
    const title = prompt("Название сделки", "Новая сделка");
    if (!title) return;
    const names = data.companies.map((company, at) => `${at + 1}. ${company.title}`).join("\n");
    const chosen = data.companies[Number(prompt(`Номер компании:\n${names}`, "1")) - 1];
    const made = await ask("/page/api/deal", "POST", { title, funnel, company: chosen?.title ?? "" });
    toast(`Сделка ${made.id} создана`);
    location.href = `/crm/deal/details/${made.id}/`;
  };
}

function iconBell() {
  const svg = icon("bell", "#fff");
  svg.setAttribute("width", "20");
  svg.setAttribute("height", "20");
  return svg;
}

document.getElementById("bell").addEventListener("click", () => document.getElementById("drawer").classList.toggle("open"));
live(load);
