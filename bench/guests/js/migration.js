// One attribute is added to an item: the same change in each language, for `cargo xtask bench`.

export default {
  number: 20261126,
  name: 'touch',
  summary: 'Adds an attribute',
  repeatable: true,
  migrate(item) {
    item.touched = true;
  },
};
