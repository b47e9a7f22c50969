package pyhost

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// python is a Python that was found.
type python struct {
	command []string
	version string
	how     string // what it was found by
}

const askVersion = "import sys; sys.stdout.write('%d.%d.%d\\n' % sys.version_info[:3] + (sys.executable or ''))"

// findPython looks for Python 3.9 or later: what the option python says, else the
// virtual environment that is active, python3, python, and on Windows the launcher.
func findPython(ctx context.Context, option string, getenv func(string) string) (python, error) {
	var tries []python
	switch venv := getenv("VIRTUAL_ENV"); {
	case option != "":
		tries = append(tries, python{command: []string{option}, how: "option python"})
	default:
		if venv != "" {
			tries = append(tries, python{command: []string{filepath.Join(venv, binFolder(), "python")}, how: "VIRTUAL_ENV"})
		}
		tries = append(tries, python{command: []string{"python3"}, how: "PATH"}, python{command: []string{"python"}, how: "PATH"})
		if runtime.GOOS == "windows" {
			tries = append(tries, python{command: []string{"py", "-3"}, how: "the launcher py"})
		}
	}
	var old string
	for _, p := range tries {
		path, err := exec.LookPath(p.command[0])
		if err != nil {
			continue
		}
		p.command[0] = path
		ask, cancel := context.WithTimeout(ctx, 20*time.Second)
		out, err := exec.CommandContext(ask, path, append(append([]string(nil), p.command[1:]...), "-c", askVersion)...).Output()
		cancel()
		if ctx.Err() != nil {
			return python{}, ctx.Err()
		}
		if err != nil {
			old = fmt.Sprintf("%s does not run: %v", path, err)
			continue
		}
		var exe string
		p.version, exe, _ = strings.Cut(strings.TrimSpace(string(out)), "\n")
		if !recent(p.version) {
			old = fmt.Sprintf("%s is Python %s", path, p.version)
			continue
		}
		if exe = strings.TrimSpace(exe); filepath.IsAbs(exe) {
			p.command = []string{exe} // not what leads there: it is started often
		}
		return p, nil
	}
	text := "Python addons need Python 3.9 or later on this machine, and none was found"
	if option != "" {
		text = "option python: " + option + " is no Python 3.9 or later that can be run"
	}
	if old != "" {
		text += " (" + old + ")"
	}
	return python{}, errors.New(text + ": install it, or name one with --set python=PATH")
}

func binFolder() string {
	if runtime.GOOS == "windows" {
		return "Scripts"
	}
	return "bin"
}

func recent(version string) bool {
	var major, minor int
	if _, err := fmt.Sscanf(version, "%d.%d", &major, &minor); err != nil {
		return false
	}
	return major > 3 || major == 3 && minor >= 9
}
