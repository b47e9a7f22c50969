export default {
  compilerOptions: {
    runes: true,
    // Of the content, not of the path: a build elsewhere gives the same files.
    cssHash: ({ hash, css }) => 's-' + hash(css),
  },
}
