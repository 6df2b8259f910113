'use strict';
// Finds items, and opens the one that a link leads to. Everything is in the page already, and readable without this.
(() => {
  const form = document.getElementById('find');
  const items = Array.from(document.querySelectorAll('details.item'));
  if (!form || items.length === 0) return;
  const words = document.getElementById('find-words');
  const state = document.getElementById('find-state');
  const shown = document.getElementById('find-shown');
  let texts = null;

  const find = () => {
    texts ??= items.map((item) => item.textContent.toLowerCase());
    const wanted = words.value.toLowerCase().split(/\s+/).filter((word) => word !== '');
    let count = 0;
    items.forEach((item, at) => {
      const found = (state.value === '' || item.dataset.state === state.value) && wanted.every((word) => texts[at].includes(word));
      item.hidden = !found;
      if (found) count += 1;
    });
    shown.textContent = `${count} of ${items.length} items shown`;
  };

  const clear = () => {
    words.value = '';
    state.value = '';
    find();
  };

  const follow = () => {
    const target = document.getElementById(location.hash.slice(1));
    if (!target || !target.classList.contains('item')) return;
    if (target.hidden) clear();
    target.open = true;
    target.scrollIntoView();
    target.querySelector('summary').focus();
  };

  form.hidden = false;
  form.addEventListener('submit', (event) => event.preventDefault());
  words.addEventListener('input', find);
  state.addEventListener('change', find);
  words.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') clear();
  });
  document.getElementById('find-open').addEventListener('click', () => {
    const visible = items.filter((item) => !item.hidden);
    const open = !visible.every((item) => item.open);
    visible.forEach((item) => { item.open = open; });
  });
  window.addEventListener('hashchange', follow);
  find();
  follow();
})();
