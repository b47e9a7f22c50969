package script

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/dop251/goja"
	"github.com/evanw/esbuild/pkg/api"
)

const (
	maxSource  = 16 << 20 // bytes of one script file
	maxNesting = 2_000    // brackets within brackets: parsers recurse
)

// bundle is a script file and what it imports, ready to run in any number of
// engines.
type bundle struct {
	program *goja.Program
	inputs  []string // absolute paths of all files that it was made from
}

// bundleName is the file that code is said to be in which is nobody's.
const bundleName = "midstream-bundle.js"

// Names under which a bundle leaves what it defines, for the engine that ran it.
const (
	moduleName  = "__midstream_module"
	exportsName = "__midstream_exports"
)

// taken are the names of a module that mean something besides the events.
var taken = []string{"addons", "name", "observe", "required", "parallel", "load", "configure", "running", "done"}

// footer is added to the file's end, inside its module scope: it hands out what
// the file declares, exported or not, under the file's own spelling.
func footer() string {
	var b strings.Builder
	b.WriteString("\n;globalThis." + moduleName + " = {")
	write := func(n string) {
		fmt.Fprintf(&b, "%s: typeof %s === \"undefined\" ? undefined : %s,", n, n, n)
	}
	for _, n := range taken {
		write(n)
	}
	for _, n := range unknownHooks {
		write(n)
	}
	for _, ev := range events {
		write(ev.name)
	}
	b.WriteString("};\n")
	return b.String()
}

func loaderOf(path string) (api.Loader, error) {
	switch ext := strings.ToLower(filepath.Ext(path)); ext {
	case ".js", ".mjs", ".cjs":
		return api.LoaderJS, nil
	case ".ts", ".mts", ".cts":
		return api.LoaderTS, nil
	default:
		return 0, fmt.Errorf("script %s: it must end in .js, .mjs, .ts or .py", path)
	}
}

// build reads the script at path and all that it imports from its own folder.
func build(path string) (*bundle, error) {
	loader, err := loaderOf(path)
	if err != nil {
		return nil, err
	}
	source, err := readSource(path)
	if err != nil {
		return nil, fmt.Errorf("script %s: %w", path, err)
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("script %s: %w", path, err)
	}
	dir := filepath.Dir(abs)
	b := &bundle{inputs: []string{abs}}
	result := api.Build(api.BuildOptions{
		Stdin: &api.StdinOptions{
			Contents: source + footer(), ResolveDir: dir,
			Sourcefile: filepath.Base(abs), Loader: loader,
		},
		AbsWorkingDir:  dir,
		Bundle:         true,
		Format:         api.FormatIIFE,
		GlobalName:     exportsName,
		Target:         api.ES2017,
		Platform:       api.PlatformNeutral,
		MainFields:     []string{"module", "main"},
		TreeShaking:    api.TreeShakingFalse,
		TsconfigRaw:    "{}",
		Charset:        api.CharsetUTF8,
		Sourcemap:      api.SourceMapInline,
		SourcesContent: api.SourcesContentExclude,
		Metafile:       true,
		LogLevel:       api.LogLevelSilent,
		Plugins:        []api.Plugin{builtinModule()},
	})
	if len(result.Errors) > 0 {
		return nil, buildError(path, strings.Count(source, "\n")+1, result.Errors)
	}
	if err := b.read(path, dir, result.Metafile); err != nil {
		return nil, err
	}
	shown := filepath.ToSlash(filepath.Join(filepath.Dir(path), bundleName))
	b.program, err = compile(shown, string(result.OutputFiles[0].Contents))
	if err != nil {
		return nil, fmt.Errorf("script %s: %w", path, err)
	}
	return b, nil
}

func compile(name, source string) (p *goja.Program, err error) {
	defer func() {
		if r := recover(); r != nil {
			p, err = nil, fmt.Errorf("compile: %v", r)
		}
	}()
	p, err = goja.Compile(name, source, false)
	if se, ok := errors.AsType[*goja.CompilerSyntaxError](err); ok && se.File != nil {
		pos := se.File.Position(se.Offset)
		return nil, &Fault{Place: place(pos.Filename, pos.Line, pos.Column), Text: se.Message}
	}
	return p, err
}

func readSource(path string) (string, error) {
	st, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if !st.Mode().IsRegular() {
		return "", errors.New("not a regular file")
	}
	if st.Size() > maxSource {
		return "", fmt.Errorf("it has %d bytes, more than %d", st.Size(), maxSource)
	}
	p, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	return string(p), nesting(p)
}

// nesting refuses what would run a recursive parser out of its stack.
func nesting(p []byte) error {
	depth, line, run := 0, 1, 0
	for i, c := range p {
		switch c {
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			depth = max(depth-1, 0)
		case '\n':
			line++
		}
		if i > 0 && c == p[i-1] && strings.IndexByte("!~+-`<", c) >= 0 {
			run++
		} else {
			run = 0
		}
		if depth > maxNesting || run > maxNesting {
			return fmt.Errorf("line %d: nested more than %d levels deep", line, maxNesting)
		}
	}
	return nil
}

// buildError names the first error with its place, and how many follow.
func buildError(path string, lines int, list []api.Message) error {
	m := list[0]
	f := &Fault{Text: m.Text}
	if l := m.Location; l != nil {
		file := filepath.Join(filepath.Dir(path), filepath.FromSlash(l.File))
		if l.Line > lines && l.File == filepath.Base(path) { // found where the footer begins
			l.Line, l.Column = lines, 0
		}
		f.Place = place(file, l.Line, l.Column+1)
	}
	if strings.HasPrefix(m.Text, "Could not resolve ") {
		f.Text += "; imports must lie in the script's folder"
	}
	if strings.Contains(m.Text, "Top-level await") {
		f.Text = "await at the top level is not supported; use it in a function, as running()"
	}
	if n := len(list); n > 1 {
		f.Text += fmt.Sprintf(" (and %d more)", n-1)
	}
	return fmt.Errorf("script %s: %w", path, f)
}

// read takes the list of inputs and refuses files outside of the script's folder.
func (b *bundle) read(path, dir, metafile string) error {
	var meta struct {
		Inputs map[string]json.RawMessage `json:"inputs"`
	}
	if err := json.Unmarshal([]byte(metafile), &meta); err != nil {
		return fmt.Errorf("script %s: read bundle: %w", path, err)
	}
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		real = dir
	}
	for name := range meta.Inputs {
		if name == b.base() || strings.HasPrefix(name, builtinNamespace+":") {
			continue
		}
		in := filepath.FromSlash(name)
		if !filepath.IsAbs(in) {
			in = filepath.Join(dir, in)
		}
		if !inside(in, dir) && !inside(in, real) {
			return fmt.Errorf("script %s: it imports %s, which lies outside of its folder", path, in)
		}
		b.inputs = append(b.inputs, in)
	}
	return nil
}

func (b *bundle) base() string { return filepath.Base(b.inputs[0]) }

func inside(path, dir string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

const builtinNamespace = "midstream"

// builtinModule makes `import { ctx, http } from "midstream"` work, which
// editors understand better than globals.
func builtinModule() api.Plugin {
	text := "const g = globalThis;\n"
	for _, n := range []string{"ctx", "http", "Response", "Headers", "stream", "bytes", "OptionsError"} {
		text += fmt.Sprintf("export const %s = g.%s;\n", n, n)
	}
	return api.Plugin{Name: "midstream", Setup: func(b api.PluginBuild) {
		b.OnResolve(api.OnResolveOptions{Filter: `^midstream$`}, func(api.OnResolveArgs) (api.OnResolveResult, error) {
			return api.OnResolveResult{Path: "midstream", Namespace: builtinNamespace}, nil
		})
		b.OnLoad(api.OnLoadOptions{Filter: `.*`, Namespace: builtinNamespace}, func(api.OnLoadArgs) (api.OnLoadResult, error) {
			return api.OnLoadResult{Contents: &text, Loader: api.LoaderJS}, nil
		})
	}}
}
