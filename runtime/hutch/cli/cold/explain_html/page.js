"use strict";
// A field and its steps are marked together: the one under the pointer or with the focus, or else
// the one that was clicked.
(() => {
  const steps = [...document.querySelectorAll(".step[data-f]")];
  const fieldOf = (step) => document.getElementById(step.dataset.f);
  let kept = null;

  const partners = (one) => {
    if (one.classList.contains("step")) {
      return one.dataset.f ? [fieldOf(one)] : [];
    }
    return steps.filter((step) => one.contains(fieldOf(step)));
  };
  const mark = (one) => {
    for (const old of document.querySelectorAll(".on")) {
      old.classList.remove("on");
    }
    for (const each of one ? [one, ...partners(one)] : []) {
      each.classList.add("on");
    }
  };
  const show = (one) => {
    const [first] = one ? partners(one) : [];
    if (first) {
      for (let fold = first.closest("details"); fold; fold = fold.parentElement.closest("details")) {
        fold.open = true;
      }
      first.scrollIntoView({ block: "nearest" });
    }
  };
  const at = (event) => event.target.closest && event.target.closest(".step, .field");

  document.addEventListener("mouseover", (event) => mark(at(event) || kept));
  document.addEventListener("mouseleave", () => mark(kept));
  document.addEventListener("focusin", (event) => {
    const one = at(event);
    mark(one || kept);
    if (event.target.matches(":focus-visible")) {
      show(one);
    }
  });
  document.addEventListener("focusout", () => mark(kept));
  document.addEventListener("click", (event) => {
    const one = at(event);
    kept = one && one !== kept ? one : null;
    mark(kept);
    if (kept && !event.target.closest("a, summary")) {
      show(kept);
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      kept = null;
      mark(null);
    }
  });
})();
