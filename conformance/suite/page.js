const boxes = [...document.querySelectorAll("nav input[name=result]")];
const runtimes = [...document.querySelectorAll("nav input[name=runtime]")];
const search = document.querySelector("nav input[type=search]");
const shown = document.querySelector("#shown");
function filter() {
  const wanted = new Set(boxes.filter(box => box.checked).map(box => box.value));
  const columns = runtimes.flatMap((box, index) => box.checked ? [index] : []);
  const words = search.value.toLowerCase();
  let count = 0;
  for (const section of document.querySelectorAll("section")) {
    let any = false;
    for (const row of section.querySelectorAll("tbody tr")) {
      const results = row.dataset.results.split(",");
      const fits = columns.some(column => wanted.has(results[column]))
        && row.textContent.toLowerCase().includes(words);
      row.hidden = !fits; any ||= fits; count += fits;
    }
    section.hidden = !any;
  }
  shown.textContent = count + " rows";
}
[...boxes, ...runtimes].forEach(box => box.addEventListener("change", filter));
search.addEventListener("input", filter);
filter();
