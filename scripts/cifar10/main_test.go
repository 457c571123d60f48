package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// planesOf are the pixels of image i of batch b: a function of both.
func planesOf(b, i int) []byte {
	planes := make([]byte, pixels)
	for k := range planes {
		planes[k] = byte(k*(b+1) + 31*i + k/plane)
	}
	return planes
}

func labelOf(b, i int) byte { return byte((3*b + i) % 10) }

const perBatch = 4

func binaryBatch(b int) []byte {
	var data []byte
	for i := range perBatch {
		data = append(append(data, labelOf(b, i)), planesOf(b, i)...)
	}
	return data
}

// pythonBatch is a batch as Python 2's cPickle wrote the official ones
// (protocol 2), opcode by opcode.
func pythonBatch(b int) []byte {
	var p bytes.Buffer
	short := func(s string) { p.WriteByte('U'); p.WriteByte(byte(len(s))); p.WriteString(s) }
	p.WriteString("\x80\x02}(")
	short("batch_label")
	short("some batch")
	short("labels")
	p.WriteString("](")
	for i := range perBatch {
		p.WriteByte('K')
		p.WriteByte(labelOf(b, i))
	}
	p.WriteByte('e')
	short("data")
	p.WriteString("cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85")
	short("b")
	p.WriteString("\x87R(K\x01K")
	p.WriteByte(perBatch)
	p.WriteString("M\x00\x0c\x86cnumpy\ndtype\n")
	short("u1")
	p.WriteString("K\x00K\x01\x87R(K\x03")
	short("|")
	p.WriteString("NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89T")
	_ = binary.Write(&p, binary.LittleEndian, uint32(perBatch*pixels))
	for i := range perBatch {
		p.Write(planesOf(b, i))
	}
	p.WriteString("tbu.")
	return p.Bytes()
}

type entry struct {
	name string
	data []byte
}

// official are the entries of an archive of one form, in an order of its own.
func official(folder, suffix string, batch func(b int) []byte) []entry {
	entries := []entry{{folder + "/readme.html", []byte("<html>")}, {folder + "/batches.meta" + suffix, []byte("ignored")}}
	for _, b := range []int{3, 0, 5, 1, 4, 2} {
		entries = append(entries, entry{folder + "/" + batchNames[b] + suffix, batch(b)})
	}
	return entries
}

func archive(t *testing.T, entries []entry) string {
	t.Helper()
	var buffer bytes.Buffer
	compressed := gzip.NewWriter(&buffer)
	w := tar.NewWriter(compressed)
	for _, e := range entries {
		err := w.WriteHeader(&tar.Header{Name: e.name, Mode: 0o644, Size: int64(len(e.data)), Typeflag: tar.TypeReg})
		if err == nil {
			_, err = w.Write(e.data)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := compressed.Close(); err != nil {
		t.Fatal(err)
	}
	return save(t, buffer.Bytes())
}

func save(t *testing.T, data []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "cifar.tar.gz")
	if err := os.WriteFile(name, data, 0o666); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestBothFormsBecomeTheSameFolders(t *testing.T) {
	for form, entries := range map[string][]entry{
		"binary": official("cifar-10-batches-bin", ".bin", binaryBatch),
		"python": official("cifar-10-batches-py", "", pythonBatch),
	} {
		out := filepath.Join(t.TempDir(), "new", "cifar")
		var stdout, stderr bytes.Buffer
		if code := run([]string{archive(t, entries), out}, &stdout, &stderr); code != 0 {
			t.Fatalf("%s: exit code %d: %s", form, code, stderr.String())
		}
		if want := fmt.Sprintf("24 images in %s\n", out); stdout.String() != want {
			t.Errorf("%s: said %q, want %q", form, stdout.String(), want)
		}
		for b, batch := range batchNames {
			for i := range perBatch {
				part, number := "train", b*batchSize+i
				if batch == "test_batch" {
					part, number = "test", i
				}
				checkImage(t, filepath.Join(out, part, classes[labelOf(b, i)], fmt.Sprintf("%05d.png", number)), planesOf(b, i))
			}
		}
		if all, _ := filepath.Glob(filepath.Join(out, "*", "*", "*")); len(all) != 24 {
			t.Errorf("%s: %d files, want 24", form, len(all))
		}
	}
}

func checkImage(t *testing.T, name string, planes []byte) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	img, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	for i := range plane {
		r, g, b, _ := img.At(i%side, i/side).RGBA()
		if byte(r) != planes[i] || byte(g) != planes[plane+i] || byte(b) != planes[2*plane+i] {
			t.Fatalf("%s: pixel %d is (%d, %d, %d), want (%d, %d, %d)", name, i, byte(r), byte(g), byte(b), planes[i], planes[plane+i], planes[2*plane+i])
		}
	}
}

func TestWrongArchivesAreNamedAndLeaveNothing(t *testing.T) {
	good := official("cifar-10-batches-bin", ".bin", binaryBatch)
	replaced := func(name string, data []byte) []entry {
		entries := append([]entry{}, good...)
		for i := range entries {
			if strings.HasSuffix(entries[i].name, name) {
				entries[i].data = data
			}
		}
		return entries
	}
	wrongLabel := binaryBatch(1)
	wrongLabel[1+pixels] = 10
	whole, err := os.ReadFile(archive(t, good))
	if err != nil {
		t.Fatal(err)
	}
	python := official("cifar-10-batches-py", "", pythonBatch)
	python[3].data = []byte("cos\nsystem\nU\x02ls\x85R.")
	cut := official("cifar-10-batches-py", "", pythonBatch)
	cut[4].data = cut[4].data[:len(cut[4].data)/2]
	cases := []struct{ name, archive, says string }{
		{"missing file", filepath.Join(t.TempDir(), "none.tar.gz"), "none.tar.gz"},
		{"no archive", save(t, []byte("hello, this is text")), "no readable tar archive"},
		{"a batch missing", archive(t, good[:len(good)-1]), "no data_batch_3 in it"},
		{"a batch twice", archive(t, append(good, good[3])), "twice"},
		{"truncated", save(t, whole[:len(whole)/2]), "truncated"},
		{"odd length", archive(t, replaced("data_batch_2.bin", make([]byte, 3074))), "data_batch_2.bin"},
		{"empty batch", archive(t, replaced("test_batch.bin", nil)), "test_batch.bin"},
		{"wrong label", archive(t, replaced("data_batch_2.bin", wrongLabel)), "record 1 has the label 10"},
		{"a pickle that calls", archive(t, python), "os.system"},
		{"half a pickle", archive(t, cut), "damaged pickle"},
		{"CIFAR-100", archive(t, []entry{{"cifar-100-binary/train.bin", []byte{1}}}), "is it cifar-10-binary.tar.gz"},
	}
	for _, c := range cases {
		parent := t.TempDir()
		var stdout, stderr bytes.Buffer
		if code := run([]string{c.archive, filepath.Join(parent, "out")}, &stdout, &stderr); code != 3 || !strings.Contains(stderr.String(), c.says) {
			t.Errorf("%s: exit code %d, %q, want 3 and %q", c.name, code, stderr.String(), c.says)
		}
		if left, _ := os.ReadDir(parent); len(left) != 0 {
			t.Errorf("%s: left %v", c.name, left)
		}
	}
}

// Names in the archive that point elsewhere lead nowhere.
func TestNamesInTheArchiveEnterNoPath(t *testing.T) {
	entries := append(official("../../outside", ".bin", binaryBatch), entry{"/etc/evil", []byte("x")}, entry{"../evil", []byte("x")})
	parent := t.TempDir()
	var stdout, stderr bytes.Buffer
	if code := run([]string{archive(t, entries), filepath.Join(parent, "a", "b", "out")}, &stdout, &stderr); code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr.String())
	}
	for _, dir := range []string{parent, filepath.Join(parent, "a"), filepath.Join(parent, "a", "b")} {
		if found, _ := os.ReadDir(dir); len(found) != 1 {
			t.Errorf("%s holds %v, want one folder", dir, found)
		}
	}
}

func TestCommandLine(t *testing.T) {
	var stdout, stderr bytes.Buffer
	if code := run([]string{"only-one"}, &stdout, &stderr); code != 2 || !strings.HasPrefix(stderr.String(), "usage:") {
		t.Errorf("one argument: exit code %d, %q", code, stderr.String())
	}
	stderr.Reset()
	name := archive(t, official("cifar-10-batches-bin", ".bin", binaryBatch))
	if code := run([]string{name, t.TempDir()}, &stdout, &stderr); code != 1 || !strings.Contains(stderr.String(), "exists already") {
		t.Errorf("an existing folder: exit code %d, %q", code, stderr.String())
	}
}
