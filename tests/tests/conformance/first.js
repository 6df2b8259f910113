// The migration that the guests come after: `after` is told in each language, and must be obeyed.
export default { number: 1, name: 'first', migrate() {} };
