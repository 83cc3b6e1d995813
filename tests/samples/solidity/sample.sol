// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {Ownable} from "./Ownable.sol";
import "./Math.sol" as Math;

error TooLate(uint256 deadline);

/// Prices that others can read.
interface IPrices {
    function price(address token) external view returns (uint256);
}

library Shares {
    struct Share {
        address owner;
        uint96 amount;
    }

    function total(Share[] storage shares) internal view returns (uint256 sum) {
        for (uint256 i = 0; i < shares.length; ++i) {
            sum += shares[i].amount;
        }
    }
}

abstract contract Paused {
    bool public paused;

    modifier whenOpen() virtual {
        require(!paused, "paused");
        _;
    }

    function _check() internal virtual;
}

/// @title A pot that many fill and that pays out once.
contract Pot is Ownable, Paused {
    using Shares for Shares.Share[];

    enum State {
        Filling,
        Paid,
        Cancelled
    }

    struct Goal {
        uint256 amount;
        uint64 deadline;
    }

    uint256 public constant MINIMUM = 0.01 ether;
    State public state;
    Goal private goal;
    Shares.Share[] private shares;
    mapping(address => uint256) public paidIn;
    IPrices private immutable prices;

    event Filled(address indexed from, uint256 amount);
    event Closed(State state);

    error TooLittle(uint256 given, uint256 needed);

    constructor(IPrices prices_, uint256 amount, uint64 deadline) Ownable(msg.sender) {
        prices = prices_;
        goal = Goal({amount: amount, deadline: deadline});
    }

    modifier inState(State wanted) {
        require(state == wanted, "wrong state");
        _;
    }

    receive() external payable {
        fill();
    }

    /// Adds what was sent to the pot.
    function fill()
        public
        payable
        whenOpen
        inState(State.Filling)
        returns (uint256 left)
    {
        if (msg.value < MINIMUM) revert TooLittle(msg.value, MINIMUM);
        if (block.timestamp > goal.deadline) revert TooLate(goal.deadline);
        paidIn[msg.sender] += msg.value;
        shares.push(Shares.Share(msg.sender, uint96(msg.value)));
        emit Filled(msg.sender, msg.value);
        left = remaining();
    }

    function remaining() public view returns (uint256) {
        uint256 sum = shares.total();
        return sum >= goal.amount ? 0 : goal.amount - sum;
    }

    function pay(address payable to) external onlyOwner inState(State.Filling) {
        require(remaining() == 0, "not full");
        state = State.Paid;
        (bool sent, ) = to.call{value: address(this).balance}("");
        require(sent, "not sent");
        emit Closed(state);
    }

    function worth(address token) external view returns (uint256) {
        return Math.max(prices.price(token) * address(this).balance, 1);
    }

    function _check() internal override {
        paused = block.timestamp > goal.deadline;
    }
}
