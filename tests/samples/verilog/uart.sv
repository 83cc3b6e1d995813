// A serial port with a buffer: a byte in, ten bits out, and the other way round.
`timescale 1ns / 1ps

package uart_types;
  typedef enum logic [1:0] {IDLE, START, DATA, STOP} state_t;

  function automatic logic parity(input logic [7:0] value);
    return ^value;
  endfunction

  function automatic int divider(input int clock, input int baud);
    return clock / baud;
  endfunction
endpackage

interface byte_stream #(parameter int WIDTH = 8) (input logic clk);
  logic [WIDTH-1:0] data;
  logic valid;
  logic ready;

  modport source(output data, valid, input ready);
  modport sink(input data, valid, output ready);
endinterface

// Ones and zeros at the pace of the line.
module uart_tx
  import uart_types::*;
#(
    parameter int DIVIDER = 868
) (
    input  logic       clk,
    input  logic       reset,
    input  logic [7:0] data,
    input  logic       valid,
    output logic       ready,
    output logic       line
);
  state_t state;
  logic [7:0] shift;
  logic [2:0] count;
  logic [$clog2(DIVIDER)-1:0] tick;

  assign ready = state == IDLE;

  always_ff @(posedge clk) begin
    if (reset) begin
      state <= IDLE;
      line  <= 1'b1;
      tick  <= '0;
    end else if (state == IDLE) begin
      if (valid) begin
        shift <= data;
        count <= '0;
        state <= START;
      end
    end else if (tick == DIVIDER - 1) begin
      tick <= '0;
      advance();
    end else begin
      tick <= tick + 1'b1;
    end
  end

  task advance;
    case (state)
      START: begin
        line  <= 1'b0;
        state <= DATA;
      end
      DATA: begin
        line  <= shift[0];
        shift <= {1'b0, shift[7:1]};
        count <= count + 1'b1;
        if (count == 3'd7) state <= STOP;
      end
      default: begin
        line  <= 1'b1;
        state <= IDLE;
      end
    endcase
  endtask
endmodule

module fifo #(
    parameter int WIDTH = 8,
    parameter int DEPTH = 16
) (
    input  logic             clk,
    input  logic             push,
    input  logic             pop,
    input  logic [WIDTH-1:0] in,
    output logic [WIDTH-1:0] out,
    output logic             empty
);
  logic [WIDTH-1:0] memory[DEPTH];
  logic [$clog2(DEPTH):0] head, tail;

  function automatic logic [$clog2(DEPTH)-1:0] slot(input logic [$clog2(DEPTH):0] at);
    return at[$clog2(DEPTH)-1:0];
  endfunction

  assign empty = head == tail;
  assign out   = memory[slot(tail)];

  always_ff @(posedge clk) begin
    if (push) begin
      memory[slot(head)] <= in;
      head <= head + 1'b1;
    end
    if (pop && !empty) tail <= tail + 1'b1;
  end
endmodule

class scoreboard;
  int sent;
  int seen;

  function new();
    sent = 0;
    seen = 0;
  endfunction

  task check(input logic [7:0] wanted, input logic [7:0] got);
    seen++;
    if (wanted !== got) $error("wanted %h, got %h", wanted, got);
  endtask
endclass

module uart_test;
  logic clk = 0;
  always #5 clk = ~clk;

  initial begin
    $display("%0d", uart_types::divider(100_000_000, 115_200));
    $finish;
  end
endmodule
