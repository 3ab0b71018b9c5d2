// Sorting and selecting in the table of the front; keys.
function prepareTable() {
  const table = document.querySelector('#table table');
  if (!table) return;
  const body = table.tBodies[0];
  const headings = [...table.tHead.rows[0].cells];
  const key = (row, column) => {
    const text = row.cells[column].dataset.value;
    return text !== '' && Number.isFinite(Number(text)) ? Number(text) : text;
  };
  headings.forEach((heading, column) => {
    heading.querySelector('button').addEventListener('click', () => {
      const ascending = heading.getAttribute('aria-sort') !== 'ascending';
      headings.forEach(other => other.removeAttribute('aria-sort'));
      heading.setAttribute('aria-sort', ascending ? 'ascending' : 'descending');
      const rows = [...body.rows].sort((a, b) => {
        const [left, right] = [key(a, column), key(b, column)];
        const order = typeof left === 'number' && typeof right === 'number'
          ? left - right : String(left).localeCompare(String(right));
        return ascending ? order : -order;
      });
      body.append(...rows);
    });
  });
  if (headings.length > 1) headings[1].setAttribute('aria-sort', 'ascending');
  for (const row of body.rows) {
    const number = Number(row.dataset.trial);
    row.addEventListener('click', () => select(number));
    row.addEventListener('keydown', event => { if (event.key === 'Enter') select(number); });
    row.addEventListener('pointerenter', () => hover(number));
    row.addEventListener('pointerleave', leave);
  }
  watchers.push(() => {
    for (const row of body.rows) {
      row.classList.toggle('hover', Number(row.dataset.trial) === view.hovered);
      row.classList.toggle('selected', Number(row.dataset.trial) === view.selected);
    }
  });
}
prepareTable();

document.addEventListener('keydown', event => {
  if (event.key === 'Escape' && view.selected !== null) select(view.selected);
});
document.documentElement.dataset.drawn = 'true';
