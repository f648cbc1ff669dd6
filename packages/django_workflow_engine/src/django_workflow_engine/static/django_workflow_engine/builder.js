/*
 * The builder of workflows in the admin: adding, moving and removing rows, and showing only the
 * fields that apply. Everything is a form that the server checks; without this script, the rows
 * that are there can be edited, ordered by number and removed by ticking a box.
 */
"use strict";
{
  // Django refuses forms of more fields than this by default, less some for the rest of the page.
  const PACK_ABOVE = 800;
  const PACKED = "_packed";
  // Workflows of more stages than this are shown folded, as an overview.
  const FOLD_ABOVE = 12;
  const COLOR = /^#[0-9a-f]{6}$/i;

  const child = (element, selector) => element.querySelector(`:scope > ${selector}`);
  const isRemoved = (row) => row.classList.contains("wb-removed");
  const rowsOf = (list) => [...list.children].filter((row) => row.matches("[data-wb-row]"));

  /** The field of a row itself, not of a row below it. */
  function field(row, name) {
    return [...row.querySelectorAll(`[name$="-${name}"], [name="${name}"]`)].find(
      (input) => input.closest("[data-wb-row]") === row
    );
  }

  /** The elements of a row itself, not of rows below it. */
  function own(row, selector) {
    return [...row.querySelectorAll(selector)].filter(
      (element) => element.closest("[data-wb-row]") === row
    );
  }

  function listOf(button) {
    return button.closest(".wb-add").previousElementSibling;
  }

  function totalOf(list) {
    const name = `${list.dataset.wbPrefix}-TOTAL_FORMS`;
    return [...list.parentElement.children].find((element) => element.name === name);
  }

  // Telling people who do not see the page what has happened.

  function announce(kind, text = "") {
    const status = document.querySelector("[data-wb-status]");
    if (status) {
      status.textContent = `${status.dataset[kind]} ${text}`.trim();
    }
  }

  // What a row shows of itself.

  /** The buttons of a row, of no use without this script; those that move it if it has a place. */
  function addTools(row) {
    const plain = own(row, ".wb-plain")[0];
    if (!plain || own(row, ".wb-tools").length) {
      return;
    }
    const tools = document.querySelector("[data-wb-template=tools]").content.cloneNode(true);
    if (!field(row, "order")) {
      tools.querySelectorAll("[data-wb=up], [data-wb=down]").forEach((button) => button.remove());
    }
    plain.after(tools);
  }

  function showTitle(row) {
    const title = own(row, "[data-wb-title]")[0];
    const source = own(row, ".wb-title-source input, .wb-title-source select")[0];
    let text = title ? title.textContent.trim() : "";
    if (source) {
      const chosen = source.selectedOptions ? source.selectedOptions[0] : null;
      text = chosen ? (source.value ? chosen.text : "") : source.value;
      if (title) {
        title.textContent = text;
      }
    }
    own(row, "[data-wb-name]").forEach((name) => (name.textContent = text));
  }

  function showColor(row) {
    const input = field(row, "color");
    const swatch = own(row, "[data-wb-swatch]")[0];
    if (!input || !swatch) {
      return;
    }
    const color = COLOR.test(input.value) ? input.value : "";
    swatch.style.setProperty("--wb-color", color || "transparent");
    row.style.setProperty("--wb-color", color || "");
    const picker = own(row, "input[type=color]")[0];
    if (picker && color) {
      picker.value = color;
    }
  }

  function addPicker(row) {
    const input = field(row, "color");
    if (!input || own(row, "input[type=color]").length) {
      return;
    }
    const picker = document.createElement("input");
    picker.type = "color";
    picker.value = COLOR.test(input.value) ? input.value : "#3498db";
    picker.setAttribute("aria-label", input.labels[0].textContent);
    picker.addEventListener("input", () => {
      input.value = picker.value;
      showColor(row);
    });
    input.after(picker);
  }

  /**
   * "kind=a,b;policy=c" holds where each of the fields has one of its values, "*" being any;
   * "kind!=a" where it has none of them; "|" stands between alternatives.
   */
  function applies(row, condition) {
    return condition.split("|").some((all) =>
      all.split(";").every((one) => {
        const [, name, not, values] = one.match(/^(\w+)(!?)=(.*)$/);
        const input = field(row, name);
        if (!input) {
          return true;
        }
        const wanted = values.split(",");
        const found = wanted.includes(input.value) || (values === "*" && input.value !== "");
        return not ? !found : found;
      })
    );
  }

  function showFields(row) {
    own(row, "[data-wb-show]").forEach((element) => {
      // What is wrong is seen, whether it applies or not.
      element.hidden =
        Boolean(element.dataset.wbShow) &&
        !applies(row, element.dataset.wbShow) &&
        !element.querySelector(".errorlist");
    });
  }

  /** What an action does, in its folded line. */
  function showFunction(row) {
    const summary = own(row, "[data-wb-function]")[0];
    const select = field(row, "function");
    if (summary && select && field(row, "action_type").value) {
      const path = field(row, "function_path");
      summary.textContent = select.value ? select.selectedOptions[0].text : path.value || "…";
    }
  }

  /** A new action does what is usual after its event, until somebody picks something else. */
  function suggest(builder, row, changedField) {
    const select = field(row, "function");
    const event = field(row, "action_type");
    const key = field(row, "id");
    if (!select || !event || (key && key.value)) {
      return;
    }
    if (changedField === select) {
      row.dataset.wbPicked = "";
    }
    const usual = JSON.parse(builder.dataset.wbUsual || "{}")[event.value];
    if (changedField === event && usual && !("wbPicked" in row.dataset)) {
      select.value = usual;
    }
  }

  function showCount(list) {
    const details = list.parentElement;
    if (details.matches("details.wb-actions")) {
      const count = rowsOf(list).filter((row) => !isRemoved(row)).length;
      details.querySelector("[data-wb-count]").textContent = count;
    }
  }

  function showRemoved(row) {
    const box = field(row, "DELETE");
    const removed = Boolean(box && box.checked);
    row.classList.toggle("wb-removed", removed);
    own(row, ".wb-undo").forEach((undo) => (undo.hidden = !removed));
    own(row, ".wb-tools").forEach((tools) => (tools.hidden = removed));
    const body = child(row, ".wb-body");
    if (body) {
      body.inert = removed;
      body.hidden = removed || row.classList.contains("wb-folded");
    }
  }

  /** Who is asked in an approval, in a word or two. */
  function askedIn(approval) {
    const kind = field(approval, "approval_type");
    const who = ["user_role", "approval_user", "assigned_field", "assigned_resolver"]
      .map((name) => field(approval, name))
      .filter((input) => input && input.value && !input.closest("[data-wb-show][hidden]"));
    const chosen = who.length ? who[0] : kind;
    const text = chosen.selectedOptions ? chosen.selectedOptions[0].text : chosen.value;
    // Without the dashes that indent a role in its list.
    return isKept(approval) ? text.replace(/^[—\s]+/, "") : "";
  }

  /** Whether people are asked here; at other kinds of stages it is a job, or time, that counts. */
  function asksPeople(row) {
    const kind = field(row, "kind");
    return !kind || kind.value === "approval";
  }

  /** Who is asked at a stage, or what it waits for, in one line. */
  function showSummary(row) {
    const summary = own(row, "[data-wb-summary]")[0];
    if (summary) {
      const approvals = [...row.querySelectorAll(".wb-approval:not(.wb-removed)")];
      summary.textContent = asksPeople(row)
        ? approvals.map(askedIn).filter(Boolean).join(" · ")
        : field(row, "kind").selectedOptions[0].text;
    }
  }

  // What applies at the level at which people are asked, and what is missing there.

  /** A row that nothing was entered in: it is not stored. */
  function isBlank(row) {
    const inputs = [...row.querySelectorAll("input, select, textarea")].filter(
      (input) => input.type !== "hidden" && !input.closest(".wb-plain, .wb-tools")
    );
    return inputs.every((input) => {
      if (input.type === "checkbox" || input.type === "radio") {
        return input.checked === input.defaultChecked;
      }
      if (input.type === "color") {
        return true;
      }
      if (input.selectedOptions) {
        const usual = [...input.options].findIndex((option) => option.defaultSelected);
        return input.selectedIndex === Math.max(usual, 0) || !input.value;
      }
      return input.value === "";
    });
  }

  function isNew(row) {
    const key = field(row, "id");
    return !key || !key.value;
  }

  function isKept(row) {
    const stored = row.matches(".wb-approval") ? "wbStored" in row.dataset : !isNew(row);
    return !isRemoved(row) && (stored || !isBlank(row));
  }

  /** Hide what the strategy leaves out; where something is entered there, say so instead. */
  function showLevels(builder, strategy) {
    builder.querySelectorAll("[data-wb-levels]").forEach((part) => {
      const counts = part.dataset.wbLevels.split(" ").includes(strategy);
      const list = part.querySelector("[data-wb-rows]");
      const misplaced = !counts && Boolean(list) && rowsOf(list).some(isKept);
      part.hidden = !counts && !misplaced;
      part.classList.toggle("wb-left-out", misplaced);
      const note = part.querySelector(":scope > [data-wb-misplaced]");
      if (note) {
        note.hidden = !misplaced;
      }
    });
  }

  /** Say where nobody is asked yet, and in how many places. */
  function showMissing(builder, strategy) {
    let missing = 0;
    let places = 0;
    builder.querySelectorAll("[data-wb-place]").forEach((place) => {
      const row = place.closest("[data-wb-row]");
      const counts =
        place.dataset.wbLevels === strategy &&
        !place.closest(".wb-removed") &&
        (!row || (isKept(row) && asksPeople(row)));
      const asked = rowsOf(place.querySelector("[data-wb-rows]")).some(isKept);
      places += counts ? 1 : 0;
      missing += counts && !asked ? 1 : 0;
      child(place, "[data-wb-nobody]").hidden = !counts || asked;
      own(row || builder, "[data-wb-nobody-below]").forEach((badge) => {
        if (row && row.matches(".wb-stage")) {
          badge.hidden = !counts || asked;
        }
      });
    });
    const progress = builder.querySelector("[data-wb-progress]");
    progress.hidden = !places;
    progress.classList.toggle("wb-progress-done", !missing);
    const told = progress.querySelector("p");
    const text = missing ? `${told.dataset.wbLeft} ${missing}` : told.dataset.wbComplete;
    if (told.textContent !== text) {
      told.textContent = text;
    }
  }

  function review(builder) {
    const form = builder.closest("form");
    const select = form.querySelector("select[name=strategy]");
    if (select) {
      showLevels(builder, select.value);
      showMissing(builder, select.value);
    }
  }

  function fold(row, folded) {
    const body = child(row, ".wb-body");
    const button = own(row, "[data-wb=fold]")[0];
    button.setAttribute("aria-expanded", String(!folded));
    row.classList.toggle("wb-folded", folded);
    body.hidden = folded || isRemoved(row);
  }

  function foldAll(builder, folded) {
    builder.querySelectorAll(".wb-stage").forEach((row) => fold(row, folded));
  }

  function show(row) {
    addTools(row);
    addPicker(row);
    showTitle(row);
    showColor(row);
    showFields(row);
    showRemoved(row);
    showFunction(row);
    showSummary(row.closest(".wb-stage") || row);
  }

  function showAll(root) {
    root
      .querySelectorAll(".wb-add, [data-wb=fold]")
      .forEach((element) => (element.hidden = false));
    const rows = [...root.querySelectorAll("[data-wb-row]")];
    (root.matches("[data-wb-row]") ? [root, ...rows] : rows).forEach(show);
    root.querySelectorAll(".wb-search").forEach((select) => near.observe(select));
  }

  // Searching. There are hundreds of search fields: each is set up when it comes near.

  const near = new IntersectionObserver(
    (seen) => seen.filter((one) => one.isIntersecting).forEach((one) => prepareSearch(one.target)),
    { rootMargin: "400px" }
  );

  function prepareSearch(select) {
    near.unobserve(select);
    const hadFocus = document.activeElement === select;
    django.jQuery(select).djangoAdminSelect2();
    if (hadFocus) {
      select.nextElementSibling.querySelector(".select2-selection").focus();
    }
  }

  // Routes lead to the stages of the page, by their codes.

  /** The word that the server makes of the name of a stage without a code. */
  function wordOf(name) {
    const word = name
      .normalize("NFKD")
      .replace(/[^\x00-\x7f]/g, "")
      .toLowerCase()
      .replace(/[^\w\s-]/g, "")
      .trim()
      .replace(/[-\s]+/g, "-")
      .replace(/\W+/g, "_")
      .replace(/^_+|_+$/g, "")
      .slice(0, 55);
    return /^[a-z]/.test(word) ? word : `stage_${word}`.replace(/_+$/, "");
  }

  function stagesByCode(builder) {
    const stages = [...builder.querySelectorAll(".wb-stage")].filter(isKept);
    const given = stages.map((stage) => field(stage, "code").value.trim());
    const taken = new Set(given.filter(Boolean));
    return stages.map((stage, place) => {
      const name = field(stage, "name_en").value;
      let code = given[place];
      if (!code) {
        const word = wordOf(name);
        code = word;
        for (let number = 2; taken.has(code); number += 1) {
          code = `${word}_${number}`;
        }
        taken.add(code);
      }
      return [code, `${name} (${code})`];
    });
  }

  /** Offer the stages as they are named now; the end stays the last choice. */
  function offerStages(builder, select) {
    const chosen = select.value;
    const end = [...select.options].find((option) => option.value === "end");
    const offered = stagesByCode(builder);
    if (chosen && chosen !== "end" && !offered.some(([code]) => code === chosen)) {
      offered.push([chosen, chosen]);
    }
    const options = offered.map(([code, label]) => new Option(label, code));
    select.replaceChildren(new Option("---------", ""), ...options, end);
    select.value = chosen;
  }

  // Adding, moving, removing.

  /** Let the numbers of the rows say what the page shows. */
  function number(list) {
    rowsOf(list)
      .filter((row) => !isRemoved(row))
      .forEach((row, index) => {
        const order = field(row, "order");
        if (order) {
          order.value = index + 1;
        }
      });
  }

  function add(list) {
    const kind = list.dataset.wbRows;
    const total = totalOf(list);
    const source = document.querySelector(`[data-wb-template="${kind}"]`);
    const holder = document.createElement("template");
    const prefix = `${list.dataset.wbPrefix}-${total.value}`;
    holder.innerHTML = source.innerHTML.replaceAll("__prefix__", prefix);
    const row = holder.content.querySelector("[data-wb-row]");
    list.append(row);
    total.value = Number(total.value) + 1;
    const order = field(row, "order");
    if (order) {
      const places = rowsOf(list).map((other) => field(other, "order").value);
      order.value = Math.max(0, ...places.map(Number)) + 1;
      // Rows of a new page have no numbers: they would come after this one.
      if (places.slice(0, -1).includes("")) {
        number(list);
      }
    }
    showAll(row);
    showCount(list);
    // For scripts of the project, and of the admin.
    row.dispatchEvent(
      new CustomEvent("formset:added", {
        bubbles: true,
        detail: { formsetName: list.dataset.wbPrefix },
      })
    );
    announce("added");
    const first = own(row, "input:not([type=hidden]):not([name$=-DELETE]), select").find(
      (input) => !input.closest(".wb-plain")
    );
    if (first) {
      first.focus();
    }
  }

  function move(row, direction, button) {
    const list = row.parentElement;
    const rows = rowsOf(list).filter((other) => !isRemoved(other));
    const place = rows.indexOf(row) + direction;
    if (place < 0 || place >= rows.length) {
      return;
    }
    if (direction < 0) {
      rows[place].before(row);
    } else {
      rows[place].after(row);
    }
    number(list);
    row.classList.remove("wb-moved");
    void row.offsetWidth; // starts the animation again
    row.classList.add("wb-moved");
    button.focus();
    announce("moved", String(place + 1));
  }

  function setRemoved(row, removed) {
    field(row, "DELETE").checked = removed;
    showRemoved(row);
    showCount(row.parentElement);
    if (removed) {
      announce("removed");
      own(row, "[data-wb=restore]")[0].focus();
    } else {
      own(row, "[data-wb=remove]")[0].focus();
    }
  }

  function onClick(event) {
    const button = event.target.closest("[data-wb]");
    if (!button) {
      return;
    }
    const row = button.closest("[data-wb-row]");
    const todo = {
      add: () => add(listOf(button)),
      up: () => move(row, -1, button),
      down: () => move(row, 1, button),
      remove: () => setRemoved(row, true),
      restore: () => setRemoved(row, false),
      fold: () => fold(row, !row.classList.contains("wb-folded")),
      "fold-all": () => foldAll(event.currentTarget, true),
      "unfold-all": () => foldAll(event.currentTarget, false),
    };
    todo[button.dataset.wb]();
    review(event.currentTarget);
    changed = changed || !button.dataset.wb.includes("fold");
  }

  // Sending.

  let changed = false;

  /** Put all fields but the token and the buttons into one, when there are too many of them. */
  function pack(form) {
    const fields = [...new FormData(form)].filter(([name]) => name !== "csrfmiddlewaretoken");
    if (fields.length <= PACK_ABOVE) {
      return;
    }
    const packed = document.createElement("input");
    packed.type = "hidden";
    packed.name = PACKED;
    packed.value = new URLSearchParams(fields).toString();
    const sent = [...form.elements].filter(
      (element) =>
        element.name && element.name !== "csrfmiddlewaretoken" && element.type !== "submit"
    );
    sent.filter((element) => !element.disabled).forEach((element) => {
      element.disabled = true;
      element.dataset.wbPacked = "";
    });
    form.append(packed);
  }

  /** What the browser shows when somebody comes back is the form as it was. */
  function unpack(form) {
    form.querySelectorAll(`input[name="${PACKED}"]`).forEach((packed) => packed.remove());
    form.querySelectorAll("[data-wb-packed]").forEach((element) => {
      element.disabled = false;
      delete element.dataset.wbPacked;
    });
  }

  function start() {
    document.querySelectorAll("[data-wb-color]").forEach((swatch) => {
      swatch.style.setProperty("--wb-color", swatch.dataset.wbColor);
    });
    const builder = document.querySelector("[data-wb-builder]");
    if (!builder) {
      return;
    }
    const form = builder.closest("form");
    builder.classList.add("wb-scripted");
    showAll(builder);
    builder.querySelectorAll("[data-wb-rows]").forEach(showCount);
    review(builder);
    form.addEventListener("change", (event) => {
      if (event.target.name === "strategy") {
        review(builder);
      }
    });
    builder.addEventListener("click", onClick);
    for (const kind of ["input", "change"]) {
      builder.addEventListener(kind, (event) => {
        const row = event.target.closest("[data-wb-row]") || builder;
        changed = true;
        if (row !== builder) {
          suggest(builder, row, event.target);
          show(row);
        }
        review(builder);
      });
    }
    builder.addEventListener("focusin", (event) => {
      if (event.target.matches(".wb-code select")) {
        offerStages(builder, event.target);
      }
    });
    const stages = builder.querySelectorAll(".wb-stage");
    const folding = builder.querySelector("[data-wb-folding]");
    if (folding) {
      folding.hidden = stages.length < 2;
    }
    if (stages.length > FOLD_ABOVE) {
      stages.forEach((row) => fold(row, !row.querySelector(".errorlist")));
    }
    const error = builder.querySelector(".errorlist");
    if (error) {
      error.scrollIntoView({ block: "center" });
    }
    form.addEventListener("input", () => (changed = true));
    form.addEventListener("submit", () => {
      changed = false;
      pack(form);
    });
    window.addEventListener("pageshow", () => unpack(form));
    window.addEventListener("beforeunload", (event) => {
      if (changed) {
        event.preventDefault();
      }
    });
  }

  if (document.readyState === "loading") {
    document.addEventListener("DOMContentLoaded", start);
  } else {
    start();
  }
}
