# frozen_string_literal: true

require 'set'
require 'json'
require_relative 'seats/plan'

SEATS = 120

# Selling seats for a theatre.
module Theatre
  VERSION = '2.1'
  PRICES = {
    stalls: 40,
    circle: 25
  }.freeze

  class SoldOut < StandardError; end

  Ticket = Struct.new(:seat, :price, keyword_init: true) do
    def to_s
      "#{seat} at #{price}"
    end
  end

  # What every seller can do.
  module Reporting
    def self.included(base)
      base.extend(ClassMethods)
    end

    module ClassMethods
      def reports(*names)
        @reports ||= Set.new
        @reports.merge(names)
      end
    end

    def report(io = $stdout)
      io.puts(JSON.generate(summary))
    end
  end

  class Seller
    include Reporting

    attr_reader :sold, :plan

    def initialize(plan: Seats::Plan.new(SEATS), clock: Time)
      @plan = plan
      @clock = clock
      @sold = {}
    end

    def sell(seat, area = :stalls, *extras, discount: 0, &block)
      raise SoldOut, "no seat #{seat}" unless free?(seat)

      ticket = Ticket.new(seat: seat, price: price(area, discount))
      @sold[seat] = ticket
      extras.each { |extra| block.call(extra) }
      ticket
    end

    def free?(seat)
      !@sold.key?(seat) && plan.include?(seat)
    end

    def <<(seat)
      sell(seat)
      self
    end

    def summary = { sold: @sold.size, left: SEATS - @sold.size }

    def each
      return enum_for(:each) unless block_given?

      @sold.each_value { |ticket| yield ticket }
    end

    class << self
      def open(path)
        File.open(path) do |file|
          new(plan: Seats::Plan.parse(file.read))
        end
      end
    end

    protected

    def price(area, discount)
      case area
      when :stalls, :circle then PRICES.fetch(area) - discount
      else raise ArgumentError, "unknown area #{area.inspect}"
      end
    end

    private

    def method_missing(name, *args)
      return super unless name.end_with?('_seats')

      plan.public_send(name, *args)
    end

    def respond_to_missing?(name, include_private = false)
      name.end_with?('_seats') || super
    end
  end
end

def sample_seller
  Theatre::Seller.new.tap { |seller| seller << 'A1' }
end

sample_seller.report if $PROGRAM_NAME == __FILE__
