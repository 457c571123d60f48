// Package config turns a YAML file and command-line flags into one validated
// description of a training run.
//
// Run is the only list of settings there is: its field tags give the YAML key,
// the flag (the key with "-" for "_") and the help text, so that the three
// cannot drift apart.
package config

import (
	"supcon/pkg/augment"
	"supcon/pkg/dataset"
)

// Run holds every setting that a training run depends on. The zero of a field
// is not its default; start from Default. A field tagged free may be changed in a
// run's config.yaml and the run resumed; see Edited.
type Run struct {
	Data        string  `yaml:"data" free:"true" help:"images to train on: a folder with one subfolder a class, a CSV manifest (path,label) or a tar archive"`
	Val         string  `yaml:"val" free:"true" help:"images for validation by nearest neighbours, in any of these forms (default: a part held out of --data)"`
	ValFraction float64 `yaml:"val_fraction" help:"share of --data held out for validation when --val is not given; 0 trains on everything"`
	Unlabelled  bool    `yaml:"unlabelled" help:"take every image below --data, whatever the folders are called (losses without labels only)"`
	PerClass    int     `yaml:"per_class" help:"images of each class in a batch, from batch_size/per_class classes, every class equally often; 0 = take the images as they are"`
	MaxPixels   int     `yaml:"max_pixels" help:"refuse a picture of more pixels than this before decoding it"`
	OnBadImage  string  `yaml:"on_bad_image" free:"true" help:"an image that cannot be read: skip it (named and counted) or fail"`
	CacheMem    Size    `yaml:"cache_mem" free:"true" help:"memory for decoded images, e.g. 2GiB; auto = a quarter of the machine's, 0 = none (no result depends on it)"`

	ImageSize  int    `yaml:"image_size" help:"side of the square views in pixels; 0 = 32 for images under 64 px, else 224"`
	EarlySizes string `yaml:"early_sizes" help:"smaller views at first, as SIZE:UNTIL pairs: 16:0.3,24:0.6 trains on 16 px until 0.3 of the run and on 24 px until 0.6 of it; empty = image_size throughout"`
	Recipe     string `yaml:"recipe" help:"augmentation: cifar, imagenet (cifar and blur) or none, each of whose values a key below overrides; empty = cifar up to 64 px, else imagenet"`
	Views      int    `yaml:"views" help:"augmented views of each image in a batch"`

	CropScaleMin      float64 `yaml:"crop_scale_min" help:"smallest share of the picture's area in a random crop, 0 = no crop; -1 = the recipe's"`
	CropScaleMax      float64 `yaml:"crop_scale_max" help:"largest share of the picture's area in a random crop; -1 = the recipe's"`
	CropRatioMin      float64 `yaml:"crop_ratio_min" help:"smallest width/height of a random crop; -1 = the recipe's"`
	CropRatioMax      float64 `yaml:"crop_ratio_max" help:"largest width/height of a random crop; -1 = the recipe's"`
	FlipProb          float64 `yaml:"flip_prob" help:"probability of a horizontal flip; -1 = the recipe's"`
	JitterProb        float64 `yaml:"jitter_prob" help:"probability of colour jitter by the next four; -1 = the recipe's"`
	Brightness        float64 `yaml:"brightness" help:"jitter: factor from 1 - x to 1 + x; -1 = the recipe's"`
	Contrast          float64 `yaml:"contrast" help:"jitter: factor from 1 - x to 1 + x; -1 = the recipe's"`
	Saturation        float64 `yaml:"saturation" help:"jitter: factor from 1 - x to 1 + x; -1 = the recipe's"`
	Hue               float64 `yaml:"hue" help:"jitter: shift of up to this share of the colour circle; -1 = the recipe's"`
	GrayscaleProb     float64 `yaml:"grayscale_prob" help:"probability of taking the colour away; -1 = the recipe's"`
	BlurProb          float64 `yaml:"blur_prob" help:"probability of a Gaussian blur; -1 = the recipe's"`
	BlurSigmaMin      float64 `yaml:"blur_sigma_min" help:"least standard deviation of the blur in pixels; -1 = the recipe's"`
	BlurSigmaMax      float64 `yaml:"blur_sigma_max" help:"greatest standard deviation of the blur in pixels; -1 = the recipe's"`
	SolarizeProb      float64 `yaml:"solarize_prob" help:"probability of inverting the bright values; -1 = the recipe's"`
	SolarizeThreshold float64 `yaml:"solarize_threshold" help:"value, of 0 to 255, from which on solarising inverts; -1 = the recipe's"`
	ViewsThrough      string  `yaml:"views_through" help:"auto, or imaging: the library makes small views too (slower, for comparing)"`

	Model   string `yaml:"model" help:"encoder: small, resnet8, resnet20, vgg7, resnet18, resnet34, resnet50"`
	Head    string `yaml:"head" help:"projection head: mlp, mlp-bn (with batch norms, as SimCLR has it) or linear"`
	Init    string `yaml:"init" help:"first values of the encoder: kaiming, or whitened (the stem looks along the principal directions of the images' own patches)"`
	ProjDim int    `yaml:"proj_dim" help:"width of the projection the loss sees"`

	Loss            string  `yaml:"loss" help:"supcon (Eq. 2), supcon-in (Eq. 3), simclr (Eq. 1) or crossentropy"`
	Temperature     float64 `yaml:"temperature" help:"the tau that divides similarities in a contrastive loss"`
	BaseTemperature float64 `yaml:"base_temperature" help:"scale loss and gradient by temperature/base_temperature as the reference code does (0.07 there); 0 = the paper's loss"`

	Epochs    int     `yaml:"epochs" help:"passes over the data; 0 writes the untrained encoder"`
	Steps     int     `yaml:"steps" help:"length of the run in optimiser steps instead of epochs; 0 = by epochs"`
	Minutes   float64 `yaml:"minutes" help:"length of the run in minutes instead of epochs, everything included; a timed warm-up makes a fixed number of steps of them; 0 = by epochs"`
	BatchSize int     `yaml:"batch_size" help:"images in a batch; each gives --views rows"`

	Optimizer    string  `yaml:"optimizer" help:"sgd, adamw, or lars (sgd with each gradient rescaled by the weight's norm, for large batches)"`
	LR           float64 `yaml:"lr" help:"peak learning rate; 0 = batch_size / 256 * 0.05 for sgd, 0.001 for adamw, 0.3 for lars"`
	Momentum     float64 `yaml:"momentum" help:"momentum of sgd and lars"`
	Nesterov     bool    `yaml:"nesterov" help:"Nesterov's form of the momentum"`
	Beta1        float64 `yaml:"beta1" help:"adamw: decay per step of the gradient's mean"`
	Beta2        float64 `yaml:"beta2" help:"adamw: decay per step of the mean of its square"`
	Eps          float64 `yaml:"eps" help:"adamw and lars: what is added to the divisor"`
	Trust        float64 `yaml:"trust" help:"lars: a rescaled gradient's norm as a share of the weight's"`
	WeightDecay  float64 `yaml:"weight_decay" help:"decay of weights: L2, or decoupled with adamw (where 0.01 is usual; 1e-6 with lars)"`
	DecayAll     bool    `yaml:"decay_all" help:"decay biases and norm parameters too"`
	BiasLR       float64 `yaml:"bias_lr" help:"factor on the learning rate of biases and norm parameters"`
	ClipNorm     float64 `yaml:"clip_norm" help:"scale gradients down to this L2 norm of all together; 0 = as they are"`
	Schedule     string  `yaml:"schedule" help:"learning rate over the run: cosine or linear (every step, to 0), constant, step (by decay_rate after each of decay_epochs) or cosine-epoch (the reference code's, to lr * decay_rate^3)"`
	Restarts     int     `yaml:"restarts" help:"times that cosine or linear begins again at the peak, in equal cycles"`
	DecayEpochs  string  `yaml:"decay_epochs" help:"schedule step: epochs after which the learning rate falls, e.g. 60,80"`
	DecayRate    float64 `yaml:"decay_rate" help:"schedules step and cosine-epoch: factor of a fall"`
	WarmupEpochs float64 `yaml:"warmup_epochs" help:"epochs of linear warm-up; -1 = 10 for batches over 256 images, else 0"`

	EMA float64 `yaml:"ema" help:"decay per step of a moving average of the weights, e.g. 0.999, which is then what is validated and used; 0 = none"`

	Seed    uint64 `yaml:"seed" help:"the one seed of every random draw"`
	Threads int    `yaml:"threads" free:"true" help:"arithmetic threads; 0 = all cores (no result depends on it)"`
	Conv    string `yaml:"conv" help:"convolution kernels: auto, or direct (without Winograd; slower, for comparing numerics)"`
	Workers int    `yaml:"workers" free:"true" help:"image workers; 0 = by the machine (no result depends on it)"`

	KNNEveryEpochs         int     `yaml:"knn_every_epochs" free:"true" help:"epochs between validations by nearest neighbours; the last epoch always has one"`
	EarlyStop              int     `yaml:"early_stop" free:"true" help:"validations in a row without a better score that end the run; 0 = never"`
	CheckpointEverySteps   int     `yaml:"checkpoint_every_steps" free:"true" help:"steps between checkpoints; 0 = each epoch's end"`
	CheckpointEveryMinutes float64 `yaml:"checkpoint_every_minutes" free:"true" help:"minutes between further checkpoints; 0 = none"`
	Keep                   int     `yaml:"keep" free:"true" help:"checkpoints to keep, the best and the last always among them"`
}

// Default returns the settings of a run about which nothing was said.
func Default() Run {
	r := Run{
		ValFraction: 0.1, MaxPixels: dataset.MaxPixels, OnBadImage: SkipBad, CacheMem: AutoSize,
		Views: 2, ViewsThrough: "auto",
		Model: "resnet18", Head: "mlp", Init: Kaiming, ProjDim: 128,
		Loss: "supcon", Temperature: 0.1,
		Epochs: 100, BatchSize: 256,
		Optimizer: "sgd", Momentum: 0.9, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, Trust: 0.001, WeightDecay: 1e-4, BiasLR: 1,
		Schedule: "cosine", DecayRate: 0.1, WarmupEpochs: -1,
		Seed: 1, Conv: "auto", KNNEveryEpochs: 10, Keep: 3,
	}
	for _, s := range r.strengths(&augment.Recipe{}) {
		*s.own = AsRecipe
	}
	return r
}

// What init may say.
const (
	Kaiming  = "kaiming"
	Whitened = "whitened"
)

// What on_bad_image may say.
const (
	SkipBad = "skip"
	FailBad = "fail"
)

// Contrastive reports whether the loss compares views with one another, and so
// needs a projection head and at least two views.
func (r Run) Contrastive() bool { return r.Loss != "crossentropy" }

// NeedsLabels reports whether the loss uses the class of an image.
func (r Run) NeedsLabels() bool { return r.Loss != "simclr" }
