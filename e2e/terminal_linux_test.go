package e2e

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// openTerminal makes a terminal; far is its other end, where a person would sit.
func openTerminal(t *testing.T) (near, far *os.File) {
	t.Helper()
	far, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("no terminal can be made: %v", err)
	}
	t.Cleanup(func() { far.Close() })
	number, err := unix.IoctlGetInt(int(far.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(far.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		near, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	}
	if err != nil {
		t.Skipf("no terminal can be made: %v", err)
	}
	t.Cleanup(func() { near.Close() })
	return near, far
}

// A program that `midstream run` starts has the terminal on all three streams,
// and a Ctrl-C on it reaches the program once.
func TestRunLeavesTheTerminalToTheProgram(t *testing.T) {
	t.Parallel()
	u := newcomer(t)
	near, far := openTerminal(t)
	cmd := exec.Command(binary, "run", "--", "sh", "-c", `n=0; trap 'n=$((n+1)); kill $p' INT; for f in 0 1 2; do test -t $f && echo terminal $f; done; `+
		`sleep 1000 <&- >/dev/null 2>&1 & p=$!; echo up; wait $p; wait $p; read -r x; echo "n=$n x=$x"; exit 6`)
	cmd.Env, cmd.Dir = cleanEnv(u.env...), u.dir
	cmd.Stdin, cmd.Stdout, cmd.Stderr = near, near, near
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	near.Close()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		cmd.Wait()
	}()
	var said transcript
	go io.Copy(&said, far) // ends with the terminal
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for _, step := range [][2]string{{`up\r\n`, "\x03"}, {`\^C`, "hello\n"}, {`n=1 x=hello\r\n`, ""}} {
		if said.wait(ctx, ended, step[0]) == nil {
			cmd.Process.Kill()
			<-ended
			t.Fatalf("no %q in %q", step[0], said.String())
		}
		io.WriteString(far, step[1])
	}
	<-ended
	if code := cmd.ProcessState.ExitCode(); code != 6 {
		t.Errorf("it ended with code %d: %q", code, said.String())
	}
	for _, want := range []string{"terminal 0\r\n", "terminal 1\r\n", "terminal 2\r\n"} {
		if !strings.Contains(said.String(), want) {
			t.Errorf("no %q in %q", want, said.String())
		}
	}
}
