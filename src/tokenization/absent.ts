/** Stands in for packages that transformers.js imports and its tokenizers never use. */
export default {};
