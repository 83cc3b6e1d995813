classdef Tuner < handle
    % Finds the note that a string plays, and says how far it is off.

    properties (Constant)
        Names = {'C', 'C#', 'D', 'D#', 'E', 'F', 'F#', 'G', 'G#', 'A', 'A#', 'B'};
        Reference = 440;
    end

    properties
        Rate (1,1) double = 44100
        Window = 4096
        Threshold = 0.1
    end

    properties (Access = private)
        buffer
        last = struct('name', '', 'cents', 0);
    end

    events
        NoteFound
    end

    methods
        function self = Tuner(rate, window)
            if nargin > 0
                self.Rate = rate;
            end
            if nargin > 1
                self.Window = window;
            end
            self.buffer = zeros(self.Window, 1);
        end

        function set.Window(self, value)
            assert(mod(value, 2) == 0, 'the window must be even');
            self.Window = value;
        end

        function [name, cents] = feed(self, samples)
            % Takes new samples; the note is empty while it is too quiet.
            count = numel(samples);
            self.buffer = [self.buffer(count + 1:end); samples(:)];
            name = '';
            cents = 0;
            if rms(self.buffer) < self.Threshold
                return
            end
            pitch = self.detect();
            if isnan(pitch)
                return
            end
            [name, cents] = self.nearest(pitch);
            self.last.name = name;
            self.last.cents = cents;
            notify(self, 'NoteFound');
        end

        function text = describe(self)
            if isempty(self.last.name)
                text = 'nothing heard yet';
            else
                text = sprintf('%s %+.0f cents', self.last.name, self.last.cents);
            end
        end
    end

    methods (Access = private)
        function pitch = detect(self)
            x = self.buffer .* hann(self.Window);
            spectrum = abs(fft(x, 2 * self.Window)).^2;
            correlation = real(ifft(spectrum));
            lag = first_peak(correlation(1:self.Window));
            if lag == 0
                pitch = NaN;
            else
                pitch = self.Rate / lag;
            end
        end

        function [name, cents] = nearest(self, pitch)
            steps = 12 * log2(pitch / self.Reference);
            whole = round(steps);
            cents = 100 * (steps - whole);
            name = self.Names{mod(whole + 9, 12) + 1};
        end
    end

    methods (Static)
        function tuner = guitar()
            tuner = Tuner(48000, 8192);
            tuner.Threshold = 0.05;
        end
    end
end

function lag = first_peak(correlation)
    % The first peak after the correlation fell below nothing.
    lag = 0;
    start = find(correlation < 0, 1);
    if isempty(start)
        return
    end
    [height, at] = max(correlation(start:end));
    if height > 0.5 * correlation(1)
        lag = interpolate(correlation, start + at - 1) - 1;
    end
end

function at = interpolate(y, k)
    if k <= 1 || k >= numel(y)
        at = k;
        return
    end
    bend = y(k - 1) - 2 * y(k) + y(k + 1);
    at = k + 0.5 * (y(k - 1) - y(k + 1)) / bend;
end

function w = hann(n)
    w = 0.5 - 0.5 * cos(2 * pi * (0:n - 1)' / n);
end
