"use strict";
// The accountant's page. All values become text nodes; markup is made here alone.

const STATUS = {
  notPaid: "не оплачен", partiallyPaid: "оплачен частично", paid: "оплачен", overdue: "просрочен",
  rejected: "отклонён", cancelled: "аннулирован", deleted: "удалён",
};
const RATES = {
  nds22: "22 %", nds20: "20 %", nds10: "10 %", nds7: "7 %", nds5: "5 %", nds0: "0 %", withoutNds: "без НДС",
};
const SETTINGS = {
  idempotency_key: "Ключ идемпотентности", requests_per_minute: "Запросов в минуту (0: без предела)",
  latency_ms: "Задержка ответа, мс", list_lag_ms: "Отставание списков, мс",
  print_form_delay_ms: "Подготовка печатной формы, мс", webhook_url: "Вебхук: адрес, который вызвать после правки",
};

let state = null;
let chosen = null;      // id of the open bill
const drawn = new Map(); // what each part of the page was last drawn from

const byId = (id) => document.getElementById(id);

function make(tag, properties, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties || {})) {
    if (name === "class") element.className = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child || child === 0 || child === ""));
  return element;
}

function money(text) {
  const [whole, fraction] = text.split(".");
  return whole.replace(/\B(?=(\d{3})+$)/g, "\u00a0") + "," + fraction;
}
const day = (text) => (text ? text.split("-").reverse().join(".") : "");
const time = (text) => new Date(text).toLocaleTimeString("ru-RU");

// Draws a part of the page only when what it shows has changed, so that focus and selection stay.
function draw(id, data, render) {
  const key = JSON.stringify(data);
  if (drawn.get(id) === key) return;
  drawn.set(id, key);
  const focused = document.activeElement && document.activeElement.dataset.key;
  byId(id).replaceChildren(...render());
  if (focused) byId(id).querySelector(`[data-key="${focused}"]`)?.focus();
}

function current() {
  if (!state) return null;
  const wanted = byId("organization").value;
  return state.organizations.find((own) => own.organization.id === wanted) || state.organizations[0];
}

async function refresh() {
  try {
    const answer = await fetch("/ui/state", { cache: "no-store" });
    state = await answer.json();
  } catch {
    showNotice("Нет связи с эмулятором", 1500);
    return;
  }
  drawAll();
}

function drawAll() {
  const organizations = state.organizations.map((own) => own.organization);
  draw("organization", organizations.map((own) => own.id), () =>
    organizations.map((own) => make("option", { value: own.id }, own.shortName || own.name)));
  const own = current();
  if (!own) return;
  byId("clock").textContent = `${day(own.today)}, ${time(state.now)}`;
  byId("bills-count").textContent = own.bills.length || "";
  byId("no-bills").hidden = own.bills.length > 0;
  draw("bills", [own.bills, chosen], () => own.bills.map(billRow));
  draw("payments", own.payments, () => own.payments.map(paymentRow));
  draw("requests", state.requests, () => state.requests.map(requestRow));
  draw("settings", [state.settings, own.tariffPaid, own.organization.closedThrough], () => settingsForm(own));
  byId("hint").textContent = !state.hint ? "не вызывался"
    : `${time(state.hint.at)}, ${state.hint.answered === null ? "без ответа" : "ответ " + state.hint.answered}`;
  byId("faults").textContent = state.faults.join("; ") || "нет";
  const bill = own.bills.find((candidate) => candidate.id === chosen);
  byId("bill").hidden = !bill;
  if (bill) draw("bill", bill, () => billCard(own, bill));
}

function billRow(bill) {
  const open = () => { chosen = bill.id; drawAll(); };
  const gone = bill.status === "deleted" || bill.status === "cancelled";
  return make("tr", {
    class: [gone ? "gone" : "", bill.id === chosen ? "chosen" : ""].join(" "),
    tabIndex: 0, "data-key": bill.id, onclick: open,
    onkeydown: (event) => { if (event.key === "Enter") open(); },
  },
    make("td", { class: "text" }, "№ " + bill.number),
    make("td", { class: "short" }, day(bill.date)),
    make("td", { class: "text" }, bill.contractor.name),
    make("td", { class: "sum" }, money(bill.sum)),
    make("td", { class: "sum" }, money(bill.paidSum)),
    make("td", {}, status(bill.status)),
    make("td", { class: "muted short" }, bill.createdBy === "api" ? "API" : "вручную"));
}

function status(name) {
  return make("span", { class: "status " + (name in STATUS ? name : "") }, STATUS[name] || name);
}

function billCard(own, bill) {
  const line = (item) => make("tr", {},
    make("td", { class: "text" }, item.productName, make("div", { class: "muted" }, `${item.quantity} ${item.unitName} × ${item.price}`)),
    make("td", {}, RATES[item.ndsRate] || item.ndsRate),
    make("td", { class: "sum" }, money(item.sum)));
  const fact = (name, value) => (value ? [make("dt", {}, name), make("dd", {}, value)] : []);
  const reason = bill.reason && [bill.reason.name, bill.reason.number && "№ " + bill.reason.number,
    bill.reason.date && "от " + day(bill.reason.date)].filter(Boolean).join(" ");
  const put = (name) => () => act({ act: name, organization: own.organization.id, id: bill.id });
  const live = ["notPaid", "partiallyPaid", "paid", "overdue"].includes(bill.status);
  // By a person's word: no payment comes to so much.
  const marked = bill.status === "paid" && kopecks(bill.paidSum) < kopecks(bill.sum);
  const mark = (paid) => () => act({ act: "markBillPaid", organization: own.organization.id, id: bill.id, paid });
  return [
    make("h2", {}, `Счёт № ${bill.number} от ${day(bill.date)} `, status(bill.status)),
    make("dl", {},
      ...fact("Покупатель", bill.contractor.name),
      ...fact("ИНН / КПП", [bill.contractor.inn, bill.contractor.kpp].filter(Boolean).join(" / ")),
      ...fact("Оплатить до", day(bill.paymentDueDate)),
      ...fact("Основание", reason),
      ...fact("Комментарий", bill.comment)),
    make("table", {},
      make("thead", {}, make("tr", {}, make("th", {}, "Позиция"), make("th", {}, "НДС"), make("th", { class: "sum" }, "Сумма"))),
      make("tbody", {}, ...bill.items.map(line))),
    make("dl", {},
      ...fact("Без НДС", money(bill.sumWithoutNds)), ...fact("НДС", money(bill.sumNds)),
      ...fact("Всего", money(bill.sum)), ...fact("Оплачено", money(bill.paidSum))),
    make("div", { class: "buttons" },
      bill.status !== "deleted" && make("a", { class: "button", href: `/ui/bills/${own.organization.id}/${bill.id}` }, "PDF"),
      (live || bill.status === "rejected") && make("button", { class: "quiet", "data-key": "edit", onclick: () => billDialog(own, bill) }, "Изменить"),
      live && make("button", { class: "quiet", "data-key": "pay", onclick: () => paymentDialog(own, bill) }, "Оплата"),
      live && bill.status !== "paid" && make("button", { class: "quiet", "data-key": "mark", onclick: mark(true) }, "Отметить оплаченным"),
      marked && make("button", { class: "quiet", "data-key": "mark", onclick: mark(false) }, "Снять отметку об оплате"),
      live && make("button", { class: "danger", "data-key": "reject", onclick: put("rejectBill") }, "Отклонён клиентом"),
      live && make("button", { class: "danger", "data-key": "cancel", onclick: put("cancelBill") }, "Аннулировать"),
      bill.status !== "deleted" && make("button", { class: "danger", "data-key": "delete", onclick: put("deleteBill") }, "Удалить"),
      !live && make("button", { class: "quiet", "data-key": "restore", onclick: put("restoreBill") }, "Вернуть"),
    ),
  ];
}

function paymentRow(payment) {
  const own = current();
  const remove = () => act({ act: "deletePayment", organization: own.organization.id, id: payment.id });
  const button = (label, name, onclick, kind = "quiet") =>
    make("button", { class: kind, "data-key": name + payment.id, onclick }, label);
  const number = (share) => own.bills.find((bill) => bill.id === share.billId)?.number || "?";
  const given = payment.allocations.map((share) =>
    make("div", { class: "muted" }, `→ счёт № ${number(share)}: ${money(share.sum)}`));
  return make("tr", {},
    make("td", { class: "short" }, day(payment.date), payment.number && make("div", { class: "muted" }, "№ " + payment.number)),
    make("td", { class: "text" }, payment.counterparty.name || payment.counterparty.inn || "—"),
    make("td", { class: "text" }, payment.purpose, ...given),
    make("td", { class: "sum" }, (payment.direction === "outgoing" ? "−" : "") + money(payment.sum)),
    make("td", { class: "sum" }, money(payment.unallocatedSum)),
    make("td", {}, ...(payment.status === "deleted" ? [make("span", { class: "muted" }, "удалён")] : [
      button("Разнести", "allocate", () => allocationDialog(current(), payment)),
      button("Изменить", "change", () => paymentDialog(current(), null, payment)),
      button("Удалить", "remove", remove, "danger")])));
}

function requestRow(seen) {
  return make("tr", {},
    make("td", { class: "muted" }, time(seen.at)),
    make("td", {}, seen.operation),
    make("td", {}, seen.status === null ? "не дошёл" : String(seen.status)),
    make("td", { class: "muted" }, seen.fault || ""));
}

function settingsForm(own) {
  const change = (name, value) => act({ act: "configure", settings: { ...state.settings, [name]: value } });
  const rows = Object.entries(SETTINGS).map(([name, label]) => {
    const value = state.settings[name];
    if (typeof value === "boolean") {
      return check(label, value, name, (checked) => change(name, checked));
    }
    if (typeof value === "string") {
      return field(label, make("input", {
        type: "url", value, placeholder: "http://…", "data-key": name,
        onchange: (event) => change(name, event.target.value.trim()),
      }));
    }
    return field(label, make("input", {
      type: "number", min: 0, value, "data-key": name,
      onchange: (event) => change(name, Number(event.target.value)),
    }));
  });
  const organization = own.organization.id;
  rows.push(check("Тариф оплачен", own.tariffPaid, "tariff", (paid) => act({ act: "setTariffPaid", organization, paid })));
  rows.push(field("Период закрыт по", make("input", {
    type: "date", value: own.organization.closedThrough || "", "data-key": "closed",
    onchange: (event) => act({ act: "closePeriod", organization, through: event.target.value || null }),
  })));
  return rows;
}

function check(label, checked, key, changed) {
  return make("label", { class: "check" },
    make("input", { type: "checkbox", checked, "data-key": key, onchange: (event) => changed(event.target.checked) }), label);
}

function field(label, input) {
  return make("label", { class: "field" }, make("span", {}, label), input);
}

async function post(body) {
  const answer = await fetch("/ui/act", {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
  });
  if (answer.ok) return null;
  const { error } = await answer.json();
  const details = (error.details || []).map((fault) => `${fault.target || ""}: ${fault.message}`);
  return details.length ? details.join("\n") : error.message;
}

async function act(body) {
  const fault = await post(body);
  await refresh();
  if (fault) showNotice(fault, 8000);
}

// Shows a notice for some milliseconds; a newer one takes its place.
function showNotice(text, milliseconds) {
  const notice = byId("notice");
  notice.textContent = text;
  notice.hidden = false;
  clearTimeout(showNotice.timer);
  showNotice.timer = setTimeout(() => { notice.hidden = true; }, milliseconds);
}

// A dialog with fields; `collect` makes the act from them.
function dialog(title, content, collect) {
  const fault = make("p", { class: "fault", role: "alert" });
  const submit = async (event) => {
    event.preventDefault();
    fault.textContent = (await post(collect())) || "";
    if (!fault.textContent) byId("dialog").close();
    await refresh();
  };
  byId("dialog").replaceChildren(make("form", { onsubmit: submit },
    make("h2", {}, title), ...content, fault,
    make("div", { class: "buttons" },
      make("button", { type: "submit" }, "Сохранить"),
      make("button", { type: "button", class: "quiet", onclick: () => byId("dialog").close() }, "Отмена"))));
  byId("dialog").showModal();
}

function billDialog(own, bill) {
  const contractors = own.contractors.filter((contractor) => contractor.status === "active");
  const input = {
    number: make("input", { value: bill ? bill.number : "", placeholder: "следующий" }),
    date: make("input", { type: "date", value: bill ? bill.date : own.today, required: true }),
    paymentDueDate: make("input", { type: "date", value: (bill && bill.paymentDueDate) || "" }),
    contractorId: make("select", {}, ...contractors.map((contractor) => make("option", { value: contractor.id }, contractor.name))),
    withNds: make("input", { type: "checkbox", checked: bill ? bill.withNds : true }),
    sumsWithNds: make("input", { type: "checkbox", checked: bill ? bill.sumsWithNds : true }),
    comment: make("textarea", { rows: 3, value: (bill && bill.comment) || "" }),
  };
  if (bill) input.contractorId.value = bill.contractorId;
  const lines = make("tbody", {});
  const add = (item) => lines.append(itemRow(item));
  (bill ? bill.items : [{ ndsRate: "nds22", unitName: "шт", quantity: "1" }]).forEach(add);
  const content = [
    make("div", { class: "columns" }, field("Номер", input.number), field("Дата", input.date),
      field("Оплатить до", input.paymentDueDate), field("Контрагент", input.contractorId)),
    make("label", { class: "check" }, input.withNds, "С НДС"),
    make("label", { class: "check" }, input.sumsWithNds, "НДС в цене"),
    make("table", {}, make("thead", {}, make("tr", {}, ...["Название", "Кол-во", "Ед.", "Цена", "НДС", ""].map((name) => make("th", {}, name)))), lines),
    make("div", { class: "buttons" }, make("button", { type: "button", class: "quiet", onclick: () => add({ ndsRate: "nds22", unitName: "шт", quantity: "1" }) }, "Ещё позиция")),
    field("Комментарий", input.comment),
  ];
  dialog(bill ? `Счёт № ${bill.number}` : "Новый счёт", content, () => {
    const fields = {
      number: input.number.value || null, date: input.date.value,
      paymentDueDate: input.paymentDueDate.value || null, contractorId: input.contractorId.value || null,
      withNds: input.withNds.checked, sumsWithNds: input.withNds.checked && input.sumsWithNds.checked,
      comment: input.comment.value || null,
      items: [...lines.children].map((row) => row.collect(input.withNds.checked)),
    };
    const organization = own.organization.id;
    return bill ? { act: "editBill", organization, id: bill.id, changes: fields } : { act: "issueBill", organization, bill: fields };
  });
}

function itemRow(item) {
  const name = make("input", { value: item.productName || "", required: true });
  const quantity = make("input", { value: item.quantity || "", required: true });
  const unit = make("input", { value: item.unitName || "", required: true });
  const price = make("input", { value: item.price || "", required: true });
  const rate = make("select", {}, ...Object.entries(RATES).map(([value, label]) => make("option", { value }, label)));
  rate.value = item.ndsRate || "nds22";
  const row = make("tr", {}, ...[name, quantity, unit, price, rate].map((input) => make("td", {}, input)),
    make("td", {}, make("button", { type: "button", class: "danger", title: "Убрать позицию", onclick: () => row.remove() }, "×")));
  const decimal = (input) => input.value.trim().replace(",", ".");
  row.collect = (withNds) => ({
    productId: item.productId || null, productName: name.value, unitName: unit.value, unitCode: item.unitCode || null,
    quantity: decimal(quantity), price: decimal(price), ndsRate: withNds ? rate.value : null,
    discountPercent: item.discountPercent || null, discountSum: item.discountSum || null,
  });
  return row;
}

const openBills = (own) => own.bills.filter((bill) => ["notPaid", "partiallyPaid", "overdue", "paid"].includes(bill.status));
const kopecks = (text) => BigInt(text.replace(".", ""));
const roubles = (amount) => { const text = amount.toString().padStart(3, "0"); return text.slice(0, -2) + "." + text.slice(-2); };

// A new payment, of a bill where one is given; or one that is written otherwise.
function paymentDialog(own, bill, payment) {
  const of = payment ? payment.counterparty : {};
  const input = {
    number: make("input", { value: (payment && payment.number) || "" }),
    date: make("input", { type: "date", value: payment ? payment.date : own.today, required: true }),
    sum: make("input", { value: payment ? payment.sum : bill ? roubles(kopecks(bill.sum) - kopecks(bill.paidSum)) : "", required: true }),
    payerName: make("input", { value: bill ? bill.contractor.name : of.name || "" }),
    payerInn: make("input", { value: (bill ? bill.contractor.inn : of.inn) || "" }),
    payerAccount: make("input", { value: of.accountNumber || "", placeholder: "как в выписке" }),
    payerBik: make("input", { value: of.bik || "" }),
    bankAccountId: make("select", {}, ...own.bankAccounts.map((account) => make("option", { value: account.id }, account.accountNumber))),
    direction: make("select", {}, make("option", { value: "incoming" }, "пришло"), make("option", { value: "outgoing" }, "ушло")),
    payerKpp: make("input", { value: (bill ? bill.contractor.kpp : of.kpp) || "" }),
    purpose: make("input", { value: payment ? payment.purpose : bill ? `Оплата по счёту № ${bill.number} от ${day(bill.date)}` : "", required: true }),
  };
  const labels = { number: "Номер поручения", date: "Дата", sum: "Сумма", payerName: "Плательщик", payerInn: "ИНН", payerKpp: "КПП", payerAccount: "Счёт плательщика", payerBik: "БИК плательщика", bankAccountId: "Наш счёт", direction: "Куда", purpose: "Назначение" };
  input.direction.value = payment ? payment.direction : "incoming";
  const main = own.bankAccounts.find((account) => account.isMain);
  input.bankAccountId.value = (payment && payment.bankAccountId) || (main && main.id) || "";
  if (!payment) {
    // A company that the emulated bank knows by its INN alone pays from this account.
    const proposed = () => { input.payerAccount.value = input.payerInn.value ? `40702810${input.payerInn.value.padStart(12, "0")}` : ""; };
    input.payerInn.addEventListener("input", proposed);
    proposed();
    input.billId = make("select", {}, make("option", { value: "" }, "не разносить"), ...openBills(own).map(billOption));
    input.billId.value = bill ? bill.id : "";
    labels.billId = "Разнести на счёт";
  }
  dialog(payment ? "Изменить поступление" : "Поступление", [make("div", { class: "columns" }, ...Object.keys(labels).map((name) => field(labels[name], input[name])))], () => {
    const form = Object.fromEntries(Object.keys(labels).map((name) => [name, input[name].value.trim() || null]));
    form.sum = (form.sum || "").replace(",", ".");
    form.purpose ??= "";
    const organization = own.organization.id;
    return payment ? { act: "editPayment", organization, id: payment.id, payment: form } : { act: "addPayment", organization, payment: form };
  });
}

const billOption = (bill) => make("option", { value: bill.id }, `№ ${bill.number} от ${day(bill.date)}, ${money(bill.sum)}`);

// What of a payment goes to which bill: several are a split, none takes it back.
function allocationDialog(own, payment) {
  const rows = make("tbody", {});
  const add = (share) => {
    const bill = make("select", {}, ...openBills(own).map(billOption));
    bill.value = share.billId || bill.value;
    const sum = make("input", { value: share.sum || "", required: true });
    const row = make("tr", {}, make("td", {}, bill), make("td", {}, sum),
      make("td", {}, make("button", { type: "button", class: "danger", title: "Убрать счёт", onclick: () => row.remove() }, "×")));
    row.collect = () => ({ billId: bill.value, sum: sum.value.trim().replace(",", ".") });
    rows.append(row);
  };
  payment.allocations.forEach(add);
  const more = make("button", { type: "button", class: "quiet", onclick: () => add({ sum: payment.unallocatedSum }) }, "Ещё счёт");
  dialog(`Разнести ${money(payment.sum)}`, [make("table", {}, rows), make("div", { class: "buttons" }, more)], () => ({
    act: "allocatePayment", organization: own.organization.id, id: payment.id,
    shares: [...rows.children].map((row) => row.collect()),
  }));
}

byId("new-bill").addEventListener("click", () => current() && billDialog(current(), null));
byId("new-payment").addEventListener("click", () => current() && paymentDialog(current(), null));
byId("organization").addEventListener("change", () => { chosen = null; drawAll(); });
refresh();
setInterval(refresh, 1000);
