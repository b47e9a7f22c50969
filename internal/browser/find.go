package browser

import (
	"fmt"
	"path/filepath"
	"strings"
)

// Kind is the family of a browser: what its command line and profile are like.
type Kind uint8

// The kinds.
const (
	Chromium Kind = iota // Chrome, Edge and Brave too
	Firefox
)

// Program is a browser of this machine.
type Program struct {
	Name string // as people call it
	Kind Kind
	Path string
}

// known is a browser with the names of its program: words that are looked up in
// PATH, and paths.
type known struct {
	word  string // what --browser calls it
	name  string
	kind  Kind
	files []string
}

// all are the browsers in the order in which they are looked for.
func all(system string, getenv func(string) string) []known {
	switch system {
	case "darwin":
		app := func(name, program string) []string {
			return []string{"/Applications/" + name + ".app/Contents/MacOS/" + program, filepath.Join(getenv("HOME"), "Applications", name+".app", "Contents", "MacOS", program)}
		}
		return []known{
			{"chromium", "Chromium", Chromium, app("Chromium", "Chromium")},
			{"chrome", "Chrome", Chromium, app("Google Chrome", "Google Chrome")},
			{"edge", "Edge", Chromium, app("Microsoft Edge", "Microsoft Edge")},
			{"brave", "Brave", Chromium, app("Brave Browser", "Brave Browser")},
			{"firefox", "Firefox", Firefox, app("Firefox", "firefox")},
		}
	case "windows":
		under := func(rest string) (list []string) {
			for _, root := range []string{"ProgramFiles", "ProgramFiles(x86)", "LocalAppData"} {
				if dir := getenv(root); dir != "" {
					list = append(list, dir+`\`+rest)
				}
			}
			return list
		}
		return []known{
			{"chromium", "Chromium", Chromium, under(`Chromium\Application\chrome.exe`)},
			{"chrome", "Chrome", Chromium, under(`Google\Chrome\Application\chrome.exe`)},
			{"edge", "Edge", Chromium, under(`Microsoft\Edge\Application\msedge.exe`)},
			{"brave", "Brave", Chromium, under(`BraveSoftware\Brave-Browser\Application\brave.exe`)},
			{"firefox", "Firefox", Firefox, under(`Mozilla Firefox\firefox.exe`)},
		}
	}
	return []known{
		{"chromium", "Chromium", Chromium, []string{"chromium", "chromium-browser"}},
		{"chrome", "Chrome", Chromium, []string{"google-chrome", "google-chrome-stable", "chrome"}},
		{"edge", "Edge", Chromium, []string{"microsoft-edge", "microsoft-edge-stable"}},
		{"brave", "Brave", Chromium, []string{"brave-browser", "brave"}},
		{"firefox", "Firefox", Firefox, []string{"firefox", "firefox-esr"}},
	}
}

// A Finder looks for browsers. The fields must be set.
type Finder struct {
	System string // as runtime.GOOS
	Getenv func(string) string
	// Look returns the path of a program by its name or path, as exec.LookPath.
	Look func(string) (string, error)
}

// Find returns the browser that choice names (chromium, chrome, edge, brave,
// firefox, or the path of a program), or the first one that is there where choice
// is "".
func (f Finder) Find(choice string) (Program, error) {
	var names []string
	for _, b := range all(f.System, f.Getenv) {
		names = append(names, b.word)
		if choice != "" && choice != b.word {
			continue
		}
		for _, file := range b.files {
			if path, err := f.Look(file); err == nil {
				return Program{Name: b.name, Kind: b.kind, Path: path}, nil
			}
		}
		if choice != "" {
			return Program{}, fmt.Errorf("%s is not installed: %s, or name another with --browser", b.name, f.install(b.word))
		}
	}
	if choice == "" {
		return Program{}, fmt.Errorf("no browser was found: %s, or give the path of one with --browser", f.install("chromium"))
	}
	path, err := f.Look(choice)
	if err != nil {
		return Program{}, fmt.Errorf("browser %q was not found: it is one of %s, or the path of a program", choice, strings.Join(names, ", "))
	}
	p := Program{Name: filepath.Base(path), Path: path}
	if strings.Contains(strings.ToLower(p.Name), "firefox") {
		p.Kind = Firefox
	}
	return p, nil
}

// install says how a browser comes onto this machine.
func (f Finder) install(word string) string {
	if f.System == "linux" && (word == "chromium" || word == "firefox") {
		for _, m := range [][2]string{{"apt-get", "apt install "}, {"dnf", "dnf install "}, {"pacman", "pacman -S "}, {"zypper", "zypper install "}, {"apk", "apk add "}} {
			if _, err := f.Look(m[0]); err == nil {
				if m[0] == "apt-get" && word == "firefox" {
					word = "firefox-esr"
				}
				return "install it (" + m[1] + word + ")"
			}
		}
	}
	return "install it"
}
