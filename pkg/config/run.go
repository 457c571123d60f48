// Package config turns a YAML file and command-line flags into one validated
// description of a training run.
//
// Run is the only list of settings there is: its field tags give the YAML key,
// the flag (the key with "-" for "_") and the help text, so that the three
// cannot drift apart.
package config

// Run holds every setting that a training run depends on. The zero of a field
// is not its default; start from Default.
type Run struct {
	Data        string  `yaml:"data" help:"image folder to train on: one subfolder a class, images anywhere below it"`
	Val         string  `yaml:"val" help:"image folder for validation by nearest neighbours (default: a part held out of --data)"`
	ValFraction float64 `yaml:"val_fraction" help:"share of --data held out for validation when --val is not given; 0 trains on everything"`
	Unlabelled  bool    `yaml:"unlabelled" help:"take every image below --data, whatever the folders are called (losses without labels only)"`

	ImageSize int    `yaml:"image_size" help:"side of the square views in pixels; 0 = 32 for images under 64 px, else 224"`
	Recipe    string `yaml:"recipe" help:"augmentation: cifar, imagenet or none; empty = cifar up to 64 px, else imagenet"`
	Views     int    `yaml:"views" help:"augmented views of each image in a batch"`

	Model   string `yaml:"model" help:"encoder: small, resnet8, resnet20, resnet18, resnet34, resnet50"`
	Head    string `yaml:"head" help:"projection head: mlp or linear"`
	ProjDim int    `yaml:"proj_dim" help:"width of the projection the loss sees"`

	Loss            string  `yaml:"loss" help:"supcon (Eq. 2), supcon-in (Eq. 3), simclr (Eq. 1) or crossentropy"`
	Temperature     float64 `yaml:"temperature" help:"the tau that divides similarities in a contrastive loss"`
	BaseTemperature float64 `yaml:"base_temperature" help:"scale loss and gradient by temperature/base_temperature as the reference code does (0.07 there); 0 = the paper's loss"`

	Epochs    int `yaml:"epochs" help:"passes over the data; 0 writes the untrained encoder"`
	Steps     int `yaml:"steps" help:"length of the run in optimiser steps instead of epochs; 0 = by epochs"`
	BatchSize int `yaml:"batch_size" help:"images in a batch; each gives --views rows"`

	Optimizer    string  `yaml:"optimizer" help:"sgd"`
	LR           float64 `yaml:"lr" help:"peak learning rate; 0 = 0.05 * batch_size / 256"`
	Momentum     float64 `yaml:"momentum" help:"momentum of sgd"`
	Nesterov     bool    `yaml:"nesterov" help:"Nesterov's form of the momentum"`
	WeightDecay  float64 `yaml:"weight_decay" help:"L2 decay of weights"`
	DecayAll     bool    `yaml:"decay_all" help:"decay biases and norm parameters too"`
	Schedule     string  `yaml:"schedule" help:"learning rate over the run: cosine (every step, to 0) or constant"`
	WarmupEpochs float64 `yaml:"warmup_epochs" help:"epochs of linear warm-up; -1 = 10 for batches over 256 images, else 0"`

	Seed    uint64 `yaml:"seed" help:"the one seed of every random draw"`
	Threads int    `yaml:"threads" help:"arithmetic threads; 0 = all cores (no result depends on it)"`
	Conv    string `yaml:"conv" help:"convolution kernels: auto, or direct (without Winograd; slower, for comparing numerics)"`
	Workers int    `yaml:"workers" help:"image workers; 0 = by the machine (no result depends on it)"`

	KNNEveryEpochs         int     `yaml:"knn_every_epochs" help:"epochs between validations by nearest neighbours; the last epoch always has one"`
	CheckpointEverySteps   int     `yaml:"checkpoint_every_steps" help:"steps between checkpoints; 0 = each epoch's end"`
	CheckpointEveryMinutes float64 `yaml:"checkpoint_every_minutes" help:"minutes between further checkpoints; 0 = none"`
	Keep                   int     `yaml:"keep" help:"checkpoints to keep, the best and the last always among them"`
}

// Default returns the settings of a run about which nothing was said.
func Default() Run {
	return Run{
		ValFraction: 0.1, Views: 2,
		Model: "resnet18", Head: "mlp", ProjDim: 128,
		Loss: "supcon", Temperature: 0.1,
		Epochs: 100, BatchSize: 256,
		Optimizer: "sgd", Momentum: 0.9, WeightDecay: 1e-4, Schedule: "cosine", WarmupEpochs: -1,
		Seed: 1, Conv: "auto", KNNEveryEpochs: 10, Keep: 3,
	}
}

// Contrastive reports whether the loss compares views with one another, and so
// needs a projection head and at least two views.
func (r Run) Contrastive() bool { return r.Loss != "crossentropy" }

// NeedsLabels reports whether the loss uses the class of an image.
func (r Run) NeedsLabels() bool { return r.Loss != "simclr" }
