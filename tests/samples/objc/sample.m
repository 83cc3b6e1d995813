// A queue of downloads with progress, retries and a delegate.
#import <Foundation/Foundation.h>
#import "DownloadQueue.h"

#define DQMaxRetries 3

static NSString *const DQErrorDomain = @"downloads";

typedef void (^DQCompletion)(NSData *data, NSError *error);

typedef NS_ENUM(NSInteger, DQState) {
    DQStateWaiting,
    DQStateRunning,
    DQStateDone,
};

struct DQProgress {
    long long received;
    long long expected;
};

@class DownloadQueue;

@protocol DownloadQueueDelegate <NSObject>
- (void)queue:(DownloadQueue *)queue didFinish:(NSURL *)url;
@optional
- (void)queueDidDrain:(DownloadQueue *)queue;
@end

@interface Download : NSObject
@property (nonatomic, copy, readonly) NSURL *url;
@property (nonatomic, assign) NSUInteger attempts;
- (instancetype)initWithURL:(NSURL *)url;
+ (instancetype)downloadWithString:(NSString *)string;
@end

@implementation Download

- (instancetype)initWithURL:(NSURL *)url
{
    self = [super init];
    if (self) {
        _url = [url copy];
        _attempts = 0;
    }
    return self;
}

+ (instancetype)downloadWithString:(NSString *)string
{
    return [[self alloc] initWithURL:[NSURL URLWithString:string]];
}

- (NSString *)description
{
    return [NSString stringWithFormat:@"%@ (%lu)", self.url, (unsigned long)self.attempts];
}

@end

static BOOL DQShouldRetry(NSError *error, NSUInteger attempts)
{
    return attempts < DQMaxRetries && error.code != NSURLErrorCancelled;
}

@interface DownloadQueue ()
@property (nonatomic, strong) NSMutableArray<Download *> *waiting;
@property (nonatomic, strong) NSURLSession *session;
@end

@implementation DownloadQueue

- (instancetype)init
{
    if ((self = [super init])) {
        _waiting = [NSMutableArray array];
        _session = [NSURLSession sharedSession];
    }
    return self;
}

- (void)addURL:(NSURL *)url
    completion:(DQCompletion)completion
{
    Download *download = [[Download alloc] initWithURL:url];
    [self.waiting addObject:download];
    [self start:download completion:completion];
}

#pragma mark - Running

- (void)start:(Download *)download completion:(DQCompletion)completion
{
    download.attempts += 1;
    __weak typeof(self) weak = self;
    [[self.session dataTaskWithURL:download.url
                 completionHandler:^(NSData *data, NSURLResponse *response, NSError *error) {
        if (error != nil && DQShouldRetry(error, download.attempts)) {
            [weak start:download completion:completion];
            return;
        }
        [weak finish:download];
        completion(data, error);
    }] resume];
}

- (void)finish:(Download *)download
{
    @synchronized (self) {
        [self.waiting removeObject:download];
    }
    [self.delegate queue:self didFinish:download.url];
    if (self.waiting.count == 0 && [self.delegate respondsToSelector:@selector(queueDidDrain:)]) {
        [self.delegate queueDidDrain:self];
    }
}

@end

int main(int argc, const char *argv[])
{
    @autoreleasepool {
        DownloadQueue *queue = [[DownloadQueue alloc] init];
        NSURL *url = [NSURL URLWithString:@"https://files.example.org/a"];
        [queue addURL:url completion:^(NSData *data, NSError *error) {
            NSLog(@"%lu bytes", (unsigned long)data.length);
        }];
    }
    return 0;
}

extern NSString *NoteTitle(Note *note);
static void **NoteParts(int count);
