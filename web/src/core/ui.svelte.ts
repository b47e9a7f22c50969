// Which dialogs are open, and what the parts of the page offer to keys.
export const ui = $state({
  palette: false,
  question: '', // what the palette begins with
  columns: false,
  connect: false,
  files: '' as '' | 'save' | 'load',
  rule: '', // the filter that a new rule begins with
  ruling: false, // a form of a rule is open
  option: { name: '', text: '' }, // the option that is edited, and how far
  draft: null as string | null, // a filter that is only put into its field
  cell: 0, // the column that has the focus
  find: 0, // counts up when the find bar is asked for
  step: 0, // +1 or -1 steps through what was found; counts both ways
  view: 0, // counts up when another view of the body is asked for
  held: null as number | null, // the parked flow that is shown
  comment: null as number | null, // the flow whose comment is to have the focus as soon as it is there
  copying: false, // y was pressed: the next letter says what
})
