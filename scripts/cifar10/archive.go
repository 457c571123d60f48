package main

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
)

// batchNames are the files of both forms that hold images, without ".bin".
var batchNames = []string{"data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch"}

// maxBatchBytes is twice what a batch of the official archives has.
const maxBatchBytes = 64 << 20

// readArchive reads all images of a CIFAR-10 archive, training batches first.
func readArchive(name string) ([]record, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // nothing was written
	buffered := bufio.NewReader(f)
	var stream io.Reader = buffered
	if magic, _ := buffered.Peek(2); string(magic) == "\x1f\x8b" {
		if stream, err = gzip.NewReader(buffered); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	batches, err := readBatches(tar.NewReader(stream))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	var images []record
	for _, batch := range batchNames {
		if batches[batch] == nil {
			return nil, fmt.Errorf("%s: there is no %s in it; is it cifar-10-binary.tar.gz or cifar-10-python.tar.gz?", name, batch)
		}
		images = append(images, batches[batch]...)
	}
	return images, nil
}

// readBatches picks the batches out of the archive, by the last part of their
// names, in whatever order they come.
func readBatches(archive *tar.Reader) (map[string][]record, error) {
	batches := map[string][]record{}
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return batches, nil
		}
		if err != nil {
			return nil, fmt.Errorf("no readable tar archive, or a truncated one: %w", err)
		}
		batch, binary := strings.CutSuffix(path.Base(header.Name), ".bin")
		number := indexOf(batch)
		if number < 0 || header.Typeflag != tar.TypeReg {
			continue
		}
		if header.Size > maxBatchBytes {
			return nil, fmt.Errorf("%s has %d bytes, more than any batch of CIFAR-10", header.Name, header.Size)
		}
		if batches[batch] != nil {
			return nil, fmt.Errorf("%s is in it twice", batch)
		}
		data, err := io.ReadAll(archive)
		if err != nil {
			return nil, fmt.Errorf("%s is truncated: %w", header.Name, err)
		}
		parse := parsePython
		if binary {
			parse = parseBinary
		}
		records, err := parse(data)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", header.Name, err)
		}
		batches[batch] = place(records, number)
	}
}

func indexOf(batch string) int {
	for i, name := range batchNames {
		if name == batch {
			return i
		}
	}
	return -1
}

// place says where the images of a batch belong: training batches follow each
// other, so that a number is the image's position in the whole training set.
func place(records []record, number int) []record {
	part, first := "train", number*batchSize
	if batchNames[number] == "test_batch" {
		part, first = "test", 0
	}
	for i := range records {
		records[i].part, records[i].number = part, first+i
	}
	return records
}

// parseBinary reads a batch of the binary form: records of a label and pixels.
func parseBinary(data []byte) ([]record, error) {
	const size = 1 + pixels
	if len(data) == 0 || len(data)%size != 0 || len(data) > size*batchSize {
		return nil, fmt.Errorf("%d bytes are not up to %d records of %d", len(data), batchSize, size)
	}
	records := make([]record, 0, len(data)/size)
	for ; len(data) > 0; data = data[size:] {
		if int(data[0]) >= len(classes) {
			return nil, fmt.Errorf("record %d has the label %d; CIFAR-10 has 0 to 9", len(records), data[0])
		}
		records = append(records, record{label: data[0], planes: data[1:size]})
	}
	return records, nil
}
