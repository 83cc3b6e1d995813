# A small site: a bucket, a server and a name for it.
terraform {
  required_version = ">= 1.6"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.0"
    }
  }

  backend "s3" {
    bucket = "site-state"
    key    = "site.tfstate"
  }
}

provider "aws" {
  region = var.region
}

variable "region" {
  type        = string
  default     = "eu-north-1"
  description = "Where everything stands."
}

variable "sizes" {
  type = map(object({
    cpu    = number
    memory = number
  }))

  validation {
    condition     = length(var.sizes) > 0
    error_message = "At least one size is needed."
  }
}

locals {
  name = "site-${terraform.workspace}"
  tags = {
    project = "site"
    owner   = "team"
  }
}

data "aws_ami" "debian" {
  most_recent = true
  owners      = ["136693071363"]

  filter {
    name   = "name"
    values = ["debian-12-amd64-*"]
  }
}

resource "aws_s3_bucket" "files" {
  bucket = "${local.name}-files"
  tags   = local.tags
}

resource "aws_s3_bucket_versioning" "files" {
  bucket = aws_s3_bucket.files.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_security_group" "web" {
  name = "${local.name}-web"

  dynamic "ingress" {
    for_each = toset([80, 443])

    content {
      from_port   = ingress.value
      to_port     = ingress.value
      protocol    = "tcp"
      cidr_blocks = ["0.0.0.0/0"]
    }
  }
}

resource "aws_instance" "web" {
  for_each = var.sizes

  ami                    = data.aws_ami.debian.id
  instance_type          = each.value.cpu > 2 ? "m6i.large" : "t3.small"
  vpc_security_group_ids = [aws_security_group.web.id]

  user_data = <<-SCRIPT
    #!/bin/sh
    apt-get update
    apt-get install -y nginx
  SCRIPT

  lifecycle {
    create_before_destroy = true
  }
}

module "dns" {
  source  = "./modules/dns"
  name    = local.name
  targets = [for instance in aws_instance.web : instance.public_ip]
}

output "addresses" {
  value     = { for key, instance in aws_instance.web : key => instance.public_ip }
  sensitive = false
}
