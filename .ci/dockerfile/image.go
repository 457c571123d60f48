package main

import (
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// inspect checks what the image promises: a static program, a user who is not
// root, and volumes which that user may write.
func (s *stage) inspect() error {
	if len(s.entrypoint) != 1 {
		return fmt.Errorf("entry point %q: expected one program", s.entrypoint)
	}
	binary, err := elf.Open(filepath.Join(s.root, s.entrypoint[0]))
	if err != nil {
		return err
	}
	defer binary.Close()
	for _, p := range binary.Progs {
		if p.Type == elf.PT_INTERP {
			return fmt.Errorf("%s needs a dynamic loader, and the image has none", s.entrypoint[0])
		}
	}
	uid, _, err := numeric(s.user)
	if err != nil {
		return err
	}
	if uid == 0 {
		return errors.New("the image runs as root")
	}
	for _, volume := range s.volumes {
		info, err := os.Stat(filepath.Join(s.root, volume))
		if err != nil {
			return fmt.Errorf("volume: %w", err)
		}
		if owner := info.Sys().(*syscall.Stat_t).Uid; os.Geteuid() == 0 && int(owner) != uid {
			return fmt.Errorf("volume %s belongs to user %d, not to %d", volume, owner, uid)
		}
	}
	fmt.Printf("dockerfile: %s is static, runs as %s, volumes %s\n", s.entrypoint[0], s.user, strings.Join(s.volumes, " "))
	return nil
}

// start runs the entry point with the stage's file system as its whole world,
// as the image's user. Only root can set that up: others start it in place.
func (s *stage) start(arguments []string) error {
	uid, gid, err := numeric(s.user)
	if err != nil {
		return err
	}
	var cmd *exec.Cmd
	if os.Geteuid() == 0 {
		cmd = exec.Command(s.entrypoint[0], arguments...)
		cmd.Dir = s.workdir
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Chroot:     s.root,
			Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)},
		}
	} else {
		cmd = exec.Command(filepath.Join(s.root, s.entrypoint[0]), arguments...)
		cmd.Dir = filepath.Join(s.root, s.workdir)
	}
	cmd.Env = []string{}
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	fmt.Printf("dockerfile: %s %s\n", s.entrypoint[0], strings.Join(arguments, " "))
	return cmd.Run()
}
